package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/cmd/maas/progress"
)

func (m Maker) uploads() *cobra.Command {
	var status string
	var limit limited
	cmd := &cobra.Command{Use: "uploads", Short: "List uploads, the latest first", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&status, "status", "", "open, completing, verifying, ready, rejected, expired or cancelled")
	limit.flag(cmd)
	cmd.AddCommand(m.cancelUpload())
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		found, err := list(s, limit, func(p page.Request) (page.Page[api.Upload], error) {
			in := api.ListUploadsRequest{Request: p}
			if status != "" {
				in.Status = []api.UploadStatus{api.UploadStatus(status)}
			}
			return s.ListUploads(ctx, in)
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, u := range found.Items {
			why := "-"
			if u.Error != nil {
				why = u.Error.Detail
			}
			received := fmt.Sprintf("%s of %s", progress.Bytes(u.Received), progress.Bytes(u.Size))
			rows[i] = []string{u.ID.String(), u.Model.String() + "@" + u.Version.String(), string(u.Path), string(u.Status), received, why}
		}
		return s.table(found, []string{"ID", "VERSION", "PATH", "STATUS", "RECEIVED", "WHY"}, rows)
	})
}

func (m Maker) cancelUpload() *cobra.Command {
	cmd := &cobra.Command{Use: "cancel ID", Short: "Give an open upload up", Args: cobra.ExactArgs(1)}
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		id, err := api.ParseID(arguments[0])
		if err != nil {
			return misuse(err)
		}
		err = s.CancelUpload(ctx, api.CancelUploadRequest{ID: id})
		if err == nil {
			s.sayf("cancelled %s", id)
		}
		return err
	})
}
