package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
)

func (m Maker) stats() *cobra.Command {
	var window string
	cmd := &cobra.Command{Use: "stats MODEL", Short: "Show how a model is called: rate, errors, latency, cache, by version", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&window, "window", "", "of the last time: 1h to 720h (default: 24h)")
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, err := model(arguments[0])
		if err != nil {
			return err
		}
		in := api.StatsRequest{Model: of}
		if window != "" {
			if err := in.Window.UnmarshalText([]byte(window)); err != nil {
				return misuse(err)
			}
		}
		found, err := s.ModelStats(ctx, in)
		if err != nil {
			return err
		}
		found.Total.Version = ""
		rows := make([][]string, 0, len(found.Versions)+1)
		for _, v := range append(found.Versions, found.Total) {
			rows = append(rows, statsRow(v))
		}
		return s.table(found, []string{"VERSION", "REQUESTS", "PER SECOND", "ERRORS", "REFUSED", "CACHED", "P50 MS", "P95 MS", "P99 MS", "COLD STARTS"}, rows)
	})
}

// statsRow returns the cells of a row of `maas stats`. The version "" is shown as "all".
func statsRow(v api.VersionStats) []string {
	name := v.Version
	if name == "" {
		name = "all"
	}
	return []string{
		name, number(v.Requests), fmt.Sprintf("%.3g", v.RatePerSecond), number(v.Errors), number(v.Refused), number(v.Cached),
		fmt.Sprintf("%.1f", v.LatencyMS.P50), fmt.Sprintf("%.1f", v.LatencyMS.P95), fmt.Sprintf("%.1f", v.LatencyMS.P99), number(v.ColdStarts),
	}
}
