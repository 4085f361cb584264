package commands

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

func (m Maker) alias() *cobra.Command {
	return group("alias", "Move names from version to version", m.aliasSet(), m.aliasList(), m.aliasHistory(), m.aliasRollback())
}

func (m Maker) aliasSet() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: "set MODEL ALIAS VERSION | VERSION=WEIGHT…", Short: "Point an alias at a version, or at several by weight",
		Example: "  maas alias set acme/fraud production 1.4.0\n  maas alias set acme/fraud production 1.4.0=90 1.5.0=10",
		Args:    cobra.MinimumNArgs(2),
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, for the ledger")
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, alias, rest, err := named(arguments)
		if err != nil {
			return err
		}
		in := api.SetAliasRequest{Model: of, Alias: alias, Why: api.Reason(why)}
		if in.Version, in.Traffic, err = destination(rest); err != nil {
			return misuse(err)
		}
		moved, err := s.SetAlias(ctx, in)
		if err != nil {
			return err
		}
		return s.showAlias(moved)
	})
}

// destination reads "1.4.0" as a version, or "1.4.0=90 1.5.0=10" as a traffic split; the other result is nil. It fails with Invalid for no
// arguments and for anything else.
func destination(arguments []string) (*ref.Version, api.Traffic, error) {
	if len(arguments) == 1 && !strings.Contains(arguments[0], "=") {
		v, err := ref.ParseVersion(arguments[0])
		return &v, nil, err
	}
	if len(arguments) == 0 {
		return nil, nil, fault.New(fault.Invalid, "Name a version, or several with their weights.", fault.Field("VERSION"))
	}
	targets := make([]api.Target, 0, len(arguments))
	for _, argument := range arguments {
		name, weight, _ := strings.Cut(argument, "=")
		v, err := ref.ParseVersion(name)
		if err != nil {
			return nil, nil, err
		}
		percent, err := strconv.Atoi(weight)
		if err != nil {
			return nil, nil, fault.New(fault.Invalid, "A version and its weight are written like 1.4.0=90.", fault.Field("WEIGHT"))
		}
		targets = append(targets, api.Target{Version: v, Weight: percent})
	}
	traffic, err := api.NewTraffic(targets)
	return nil, traffic, err
}

func (m Maker) aliasList() *cobra.Command {
	var limit limited
	cmd := &cobra.Command{Use: "list MODEL", Short: "List a model's aliases, those included that follow by themselves", Args: cobra.ExactArgs(1)}
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, err := model(arguments[0])
		if err != nil {
			return err
		}
		found, err := list(s, limit, func(p page.Request) (page.Page[api.Alias], error) {
			return s.ListAliases(ctx, api.ListAliasesRequest{Request: p, Model: of})
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, a := range found.Items {
			rows[i] = []string{string(a.Alias), string(a.Kind), shown(a.Traffic), shown(a.Previous), when(a.MovedAt), a.Why}
		}
		return s.table(found, []string{"ALIAS", "KIND", "TRAFFIC", "BEFORE", "MOVED", "WHY"}, rows)
	})
}

func (m Maker) aliasHistory() *cobra.Command {
	var limit limited
	cmd := &cobra.Command{Use: "history MODEL ALIAS", Short: "Show an alias's moves, the newest first", Args: cobra.RangeArgs(1, 2)}
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, alias, _, err := named(arguments)
		if err != nil {
			return err
		}
		found, err := list(s, limit, func(p page.Request) (page.Page[api.AliasMove], error) {
			return s.ListAliasMoves(ctx, api.AliasHistoryRequest{Request: p, Model: of, Alias: alias})
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, move := range found.Items {
			rows[i] = []string{when(move.MovedAt), shown(move.From), shown(move.To), move.MovedBy, move.Why}
		}
		return s.table(found, []string{"MOVED", "FROM", "TO", "BY", "WHY"}, rows)
	})
}

func (m Maker) aliasRollback() *cobra.Command {
	var to, why string
	var force bool
	cmd := &cobra.Command{
		Use: "rollback MODEL ALIAS", Short: "Move an alias back to where it was",
		Example: "  maas alias rollback acme/fraud production\n  maas alias rollback acme/fraud@latest --to 1.3.0",
		Args:    cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringVar(&to, "to", "", "a version that it led to before (default: the last)")
	cmd.Flags().StringVar(&why, "why", "", "the reason, for the ledger")
	cmd.Flags().BoolVar(&force, "force", false, "at once, also while the version does not run")
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		of, alias, _, err := named(arguments)
		if err != nil {
			return err
		}
		in := api.RollbackRequest{Model: of, Alias: alias, Force: force, Why: api.Reason(why)}
		if to != "" {
			v, err := ref.ParseVersion(to)
			if err != nil {
				return misuse(err)
			}
			in.To = &v
		}
		moved, err := s.Rollback(ctx, in)
		if err != nil {
			return err
		}
		return s.showAlias(moved)
	})
}

// showAlias prints where an alias leads and where it led before, as text or JSON.
func (s *session) showAlias(a api.Alias) error {
	return s.result(a, func(w io.Writer) {
		fmt.Fprintf(w, "%s leads to %s, before to %s\n", a.Alias, shown(a.Traffic), shown(a.Previous))
	})
}

// shown writes traffic as "1.4.0" or "1.4.0 90 %, 1.5.0 10 %", and as "-" if there is none.
func shown(t api.Traffic) string {
	if len(t) == 0 {
		return "-"
	}
	if len(t) == 1 {
		return t[0].Version.String()
	}
	targets := make([]string, len(t))
	for i, target := range t {
		targets[i] = fmt.Sprintf("%s %d %%", target.Version, target.Weight)
	}
	return strings.Join(targets, ", ")
}
