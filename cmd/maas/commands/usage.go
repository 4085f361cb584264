package commands

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/cmd/maas/progress"
)

func (m Maker) usage() *cobra.Command {
	var from, to, by string
	var limit limited
	cmd := &cobra.Command{Use: "usage", Short: "Show what was used", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&from, "from", "", `the beginning: "2026-01-31" or a time of RFC 3339 (default: 30 days before the end)`)
	cmd.Flags().StringVar(&to, "to", "", "the end, likewise (default: now)")
	cmd.Flags().StringVar(&by, "group-by", "", "model, version, key or day")
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		in := api.UsageRequest{GroupBy: api.UsageGroup(by)}
		for _, bound := range []struct {
			text string
			at   *time.Time
		}{{from, &in.From}, {to, &in.To}} {
			if bound.text == "" {
				continue
			}
			at, err := moment(bound.text, time.Now())
			if err != nil {
				return err
			}
			*bound.at = at
		}
		found, err := list(s, limit, func(p page.Request) (page.Page[api.UsageRow], error) {
			in.Request = p
			return s.ListUsage(ctx, in)
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, r := range found.Items {
			rows[i] = []string{
				r.Period, dash(r.Model), dash(r.Version), dash(r.Key), number(r.Requests), number(r.Errors), number(r.Cached),
				number(r.ComputeMS), progress.Bytes(r.BytesIn), progress.Bytes(r.BytesOut),
			}
		}
		return s.table(found, []string{"PERIOD", "MODEL", "VERSION", "KEY", "REQUESTS", "ERRORS", "CACHED", "COMPUTE MS", "IN", "OUT"}, rows)
	})
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// dash returns "-" for an empty string, and else the string.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
