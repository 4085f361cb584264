package commands

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// deprecate returns the command `maas deprecate`, which marks a version as deprecated with a reason and the time from which it may be retired.
func (m Maker) deprecate() *cobra.Command {
	var reason, sunset string
	cmd := &cobra.Command{
		Use: "deprecate REF --reason WHY", Short: "Warn of a version, and say from when on it may go",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it should not be used any more")
	cmd.Flags().StringVar(&sunset, "sunset", "90d", `when it may be retired: "90d", "2027-01-31" or a time of RFC 3339`)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		if err := needed(cmd, "reason"); err != nil {
			return err
		}
		at, err := moment(sunset, time.Now())
		if err != nil {
			return err
		}
		which, err := exact(arguments[0])
		if err != nil {
			return err
		}
		return s.changed(s.Deprecate(ctx, api.DeprecateRequest{Model: which.model, Version: which.Version, Reason: api.Reason(reason), Sunset: at}))
	})
}

// retire returns the command `maas retire`, which ends a version for good.
func (m Maker) retire() *cobra.Command {
	var reason string
	cmd := &cobra.Command{Use: "retire REF", Short: "Take a version away for good", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&reason, "reason", "", "why it goes")
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		which, err := exact(arguments[0])
		if err != nil {
			return err
		}
		return s.changed(s.Retire(ctx, api.RetireRequest{Model: which.model, Version: which.Version, Reason: api.Reason(reason)}))
	})
}

// changed prints a version whose status has changed. If err is not nil, it prints nothing and returns err.
func (s *session) changed(v api.Version, err error) error {
	if err != nil {
		return err
	}
	return s.result(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s@%s %s", v.Model, v.Version, v.Status)
		if v.Deprecation != nil {
			fmt.Fprintf(w, ", sunset %s: %s", when(v.Deprecation.Sunset), safe(string(v.Deprecation.Reason)))
		}
		fmt.Fprintln(w)
	})
}

// moment parses a time: days or hours from now ("90d", "12h"), a date, or a time of RFC 3339. It returns it in UTC; anything else is a usage
// error.
func moment(text string, now time.Time) (time.Time, error) {
	if days, err := strconv.Atoi(strings.TrimSuffix(text, "d")); err == nil && strings.HasSuffix(text, "d") {
		return now.AddDate(0, 0, days).UTC().Truncate(time.Second), nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, misuse(fault.New(fault.Invalid, fmt.Sprintf(`%q is no time: write "90d", "2027-01-31" or a time of RFC 3339.`, text)))
}
