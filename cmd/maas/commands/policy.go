package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
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
		return s.policy(p)
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
		p, err := s.GetPolicy(ctx)
		if err != nil {
			return err
		}
		if err := change(&p.Formats.Pickle, pickle); err != nil {
			return err
		}
		if err := change(&p.Formats.Code, code); err != nil {
			return err
		}
		if p, err = s.PutPolicy(ctx, api.PutPolicyRequest{Formats: p.Formats}); err != nil {
			return err
		}
		return s.policy(p)
	})
}

// change reads a rule; "" leaves it as it is.
func change(rule *api.FormatRule, text string) error {
	if text == "" {
		return nil
	}
	return misuse(rule.UnmarshalText([]byte(text)))
}

func (s *session) policy(p api.Policy) error {
	return s.result(p, func(w io.Writer) { fmt.Fprintf(w, "pickle\t%s\ncode\t%s\n", p.Formats.Pickle, p.Formats.Code) })
}
