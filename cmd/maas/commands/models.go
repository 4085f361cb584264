package commands

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/cmd/maas/progress"
)

func (m Maker) models() *cobra.Command {
	var framework, tag, order string
	var limit limited
	cmd := &cobra.Command{
		Use: "models [QUERY]", Short: "List models, or look for some",
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&framework, "framework", "", "only of this framework")
	cmd.Flags().StringVar(&tag, "tag", "", "only with this tag")
	cmd.Flags().StringVar(&order, "order", "", "name, created, updated or relevance")
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		in := api.ListModelsRequest{
			Query: api.ModelQuery(strings.Join(arguments, " ")), Framework: api.Label(framework), Tag: api.Tag(tag), Order: api.ModelOrder(order),
		}
		found, err := list(s, limit, func(p page.Request) (page.Page[api.Model], error) {
			in.Request = p
			models, err := s.ListModels(ctx, in)
			return models.Page, err
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, one := range found.Items {
			latest := "-"
			if one.Latest != nil {
				latest = one.Latest.String()
			}
			first, _, _ := strings.Cut(string(one.Description), "\n")
			rows[i] = []string{one.Model.String(), latest, when(one.UpdatedAt), first}
		}
		return s.table(found, []string{"MODEL", "LATEST", "UPDATED", "DESCRIPTION"}, rows)
	})
}

func (m Maker) versions() *cobra.Command {
	var status string
	var limit limited
	cmd := &cobra.Command{
		Use: "versions MODEL", Short: "List a model's versions, the highest first",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&status, "status", "", "draft, published, deprecated or retired")
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, err := model(arguments[0])
		if err != nil {
			return err
		}
		found, err := list(s, limit, func(p page.Request) (page.Page[api.Version], error) {
			return s.ListVersions(ctx, api.ListVersionsRequest{Request: p, Model: of, Status: api.VersionStatus(status)})
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, v := range found.Items {
			aliases := strings.Join(texts(v.Aliases), ", ")
			if aliases == "" {
				aliases = "-"
			}
			rows[i] = []string{
				v.Version.String(), string(v.Status), string(v.Deployment.Status), aliases, progress.Bytes(v.Size), whenever(v.PublishedAt),
			}
		}
		return s.table(found, []string{"VERSION", "STATUS", "DEPLOYMENT", "ALIASES", "SIZE", "PUBLISHED"}, rows)
	})
}
