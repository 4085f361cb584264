package commands

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
)

func (m Maker) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Show what the tenant allows in its models", Args: cobra.NoArgs,
		Long: "Shows what becomes of files that can run code where they are loaded: refuse, scan or allow.\n" +
			"Files that are scanned are rejected unless all that they import is known to be safe.",
	}
	m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		p, err := s.GetPolicy(ctx)
		if err != nil {
			return err
		}
		return s.showPolicy(p)
	})
	cmd.AddCommand(m.setPolicy())
	return cmd
}

func (m Maker) setPolicy() *cobra.Command {
	var pickle, code string
	cmd := &cobra.Command{
		Use: "set", Short: "Change it, as an owner of the tenant", Args: cobra.NoArgs,
		Example: "  maas policy set --pickle scan",
	}
	cmd.Flags().StringVar(&pickle, "pickle", "", "of Python pickles, also those in joblib and PyTorch files: refuse, scan or allow")
	cmd.Flags().StringVar(&code, "code", "", "of TorchScript, Lambda layers and Python files: refuse or allow")
	cmd.MarkFlagsOneRequired("pickle", "code")
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		p, err := s.setPolicy(ctx, pickle, code)
		if err != nil {
			return err
		}
		return s.showPolicy(p)
	})
}

// setPolicy changes the rules that are not "". It tries again if somebody else changes them meanwhile.
func (s *session) setPolicy(ctx context.Context, pickle, code string) (p api.Policy, err error) {
	const tries = 5
	for range tries {
		if p, err = s.GetPolicy(ctx); err != nil {
			return p, err
		}
		match := condition.Tag(p.ETag())
		if err := errors.Join(change(&p.Formats.Pickle, pickle), change(&p.Formats.Code, code)); err != nil {
			return p, misuse(err)
		}
		if p, err = s.PutPolicy(ctx, api.PutPolicyRequest{IfMatch: match, Formats: p.Formats}); !fault.Is(err, fault.PreconditionFailed) {
			return p, err
		}
	}
	return p, err
}

// change reads a rule; "" leaves it as it is. It fails with Invalid for another text than a rule.
func change(rule *api.FormatRule, text string) error {
	if text == "" {
		return nil
	}
	return rule.UnmarshalText([]byte(text))
}

func (s *session) showPolicy(p api.Policy) error {
	return s.result(p, func(w io.Writer) { fmt.Fprintf(w, "pickle\t%s\ncode\t%s\n", p.Formats.Pickle, p.Formats.Code) })
}
