package commands

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// statusReport is what `status` shows.
type statusReport struct {
	Server   string          `json:"server"`
	Ready    bool            `json:"ready"`
	Reason   string          `json:"reason,omitempty"` // why it is not ready
	SignedIn string          `json:"signed_in,omitempty"`
	Tenant   string          `json:"tenant,omitempty"`
	Cache    *api.CacheStats `json:"cache,omitempty"`
}

// status returns the command `maas status`. It prints whether the server is ready and who is signed in, and fails if the server is not ready.
func (m Maker) status() *cobra.Command {
	var withCache bool
	cmd := &cobra.Command{Use: "status", Short: "Show whether the server answers, who is signed in, and how the cache does", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&withCache, "cache", false, "hits and misses of the cache too")
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		now := statusReport{Server: s.Server()}
		failed := s.look(ctx, &now)
		if failed == nil && withCache {
			var stats api.CacheStats
			if stats, failed = s.CacheStats(ctx); failed == nil {
				now.Cache = &stats
			}
		}
		if err := s.result(now, func(w io.Writer) { writeCondition(w, now) }); err != nil {
			return err
		}
		return failed
	})
}

// look asks the server whether it is ready and who is signed in, and stores the answers in now. It fails if the server
// is not ready. That nobody is signed in is no error.
func (s *session) look(ctx context.Context, now *statusReport) error {
	if err := s.Client.Ready(ctx); err != nil {
		now.Reason = Explain(err)
		return err
	}
	now.Ready = true
	me, err := s.Me(ctx)
	if fault.Is(err, fault.Unauthenticated) {
		return nil
	}
	if err != nil {
		return err
	}
	now.SignedIn, now.Tenant = nameOf(me), string(me.Tenant)
	return nil
}

// writeCondition writes the condition as text, a line for each part that is known.
func writeCondition(w io.Writer, c statusReport) {
	state := "ready"
	if !c.Ready {
		state = "not ready"
	}
	fmt.Fprintf(w, "server: %s, %s\n", c.Server, state)
	switch {
	case c.SignedIn != "":
		fmt.Fprintf(w, "signed in: %s, tenant %s\n", safe(c.SignedIn), safe(c.Tenant))
	case c.Ready:
		fmt.Fprintln(w, "signed in: nobody")
	}
	if c.Cache != nil {
		whose := map[string]string{"installation": "all processes", "process": "the process that answered"}[c.Cache.Scope]
		fmt.Fprintf(w, "cache: of %s since %s\n", whose, c.Cache.Since.Format(time.RFC3339))
		for _, level := range c.Cache.Levels {
			fmt.Fprintf(w, "cache, %s: %d hits, %d misses (%.1f %% hits)\n", level.Level, level.Hits, level.Misses, level.Ratio*100)
		}
		fmt.Fprintf(w, "redis: %s\n", c.Cache.Redis)
	}
}
