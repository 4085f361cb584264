package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/client"
	"github.com/17882237881/MaaS/cmd/maas/progress"
	"github.com/17882237881/MaaS/cmd/maas/pull"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/fault"
)

func (m Maker) pull() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pull REF [DIR]", Short: "Download a version's files",
		Long: "Downloads a version's files into a folder (default: this one) and checks them. Run again, it goes on where it was cut off.",
		Args: cobra.RangeArgs(1, 2),
	}
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		from, err := target(arguments[0])
		if err != nil {
			return err
		}
		var v catalog.Version
		path := modelPath(from.Model) + "/versions/" + url.PathEscape(from.Selector.String())
		if err := s.Do(ctx, client.Request{Method: http.MethodGet, Path: path}, &v); err != nil {
			return err
		}
		folder := "."
		if len(arguments) == 2 {
			folder = arguments[1]
		}
		return resumable(s.pull(ctx, v, folder))
	})
}

func (s *session) pull(ctx context.Context, v catalog.Version, folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fault.New(fault.Invalid, err.Error(), fault.Field("DIR"))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fault.New(fault.Invalid, err.Error(), fault.Field("DIR"))
	}
	defer func() { _ = root.Close() }()
	shown, done := s.progress()
	err = (&pull.Puller{Client: s.Client, Folder: root, Progress: shown}).Version(ctx, v)
	done()
	if err != nil {
		return err
	}
	return s.result(v.Files, func(w io.Writer) {
		for _, f := range v.Files {
			fmt.Fprintf(w, "%s: %s, sha256 %s\n", safe(filepath.Join(folder, string(f.Path))), progress.Bytes(f.Size), f.SHA256)
		}
	})
}
