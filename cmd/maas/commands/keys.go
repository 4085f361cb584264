package commands

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

func (m Maker) keys() *cobra.Command {
	return group("keys", "API keys for programs", m.keysList(), m.keysCreate(), m.keysDelete())
}

func (m Maker) keysList() *cobra.Command {
	var limit limited
	cmd := &cobra.Command{Use: "list", Short: "List the tenant's API keys", Args: cobra.NoArgs}
	limit.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		found, err := list(s, limit, func(p page.Request) (page.Page[api.Key], error) {
			return s.ListKeys(ctx, api.ListKeysRequest{Request: p})
		})
		if err != nil {
			return err
		}
		rows := make([][]string, len(found.Items))
		for i, k := range found.Items {
			rows[i] = []string{k.ID, string(k.Name), strings.Join(texts(k.Scopes), ", "), models(k), whenever(k.ExpiresAt), whenever(k.LastUsedAt)}
		}
		return s.table(found, []string{"ID", "NAME", "SCOPES", "MODELS", "EXPIRES", "LAST USED"}, rows)
	})
}

// models lists the models that a key is limited to, "all" if it is not limited. Deleted models are marked.
func models(k api.Key) string {
	if k.Models == nil {
		return "all"
	}
	names := make([]string, len(k.Models))
	for i, name := range k.Models {
		names[i] = name.String()
		if len(k.Bindings) == len(names) && k.Bindings[i].Gone {
			names[i] += " (deleted)"
		}
	}
	return strings.Join(names, ", ")
}

// keysCreate returns the command `maas keys create`, which creates an API key and prints its secret once.
func (m Maker) keysCreate() *cobra.Command {
	var scopes, only []string
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an API key; its secret is shown once",
		Example: "  maas keys create ci --scope inference:execute --model acme/digits --expires 90d",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"inference:execute"}, "what it may do; may be repeated")
	cmd.Flags().StringSliceVar(&only, "model", nil, "a model that it is limited to, or a pattern (acme/fraud-*) for models made later, too; may be repeated")
	cmd.Flags().StringVar(&expires, "expires", "", `when it ends: "90d", "2027-01-31" or a time of RFC 3339 (default: never)`)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		in := api.CreateKeyRequest{Name: api.KeyName(arguments[0])}
		for _, scope := range scopes {
			in.Scopes = append(in.Scopes, api.Scope(scope))
		}
		for _, pattern := range only {
			p, err := ref.ParsePattern(pattern)
			if err != nil {
				return misuse(err)
			}
			in.Models = append(in.Models, p)
		}
		if expires != "" {
			at, err := moment(expires, time.Now())
			if err != nil {
				return err
			}
			in.ExpiresAt = &at
		}
		made, err := s.CreateKey(ctx, in)
		if err != nil {
			return err
		}
		if made.Secret == "" {
			return fault.New(fault.Upstream, "The server's answer has no secret: is "+s.Server()+" a MaaS server?")
		}
		s.sayf("the key %s is shown this once:", made.ID)
		return s.result(made, func(w io.Writer) { fmt.Fprintln(w, made.Secret) })
	})
}

func (m Maker) keysDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete ID", Short: "End an API key", Args: cobra.ExactArgs(1)}
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		err := s.DeleteKey(ctx, api.DeleteKeyRequest{ID: arguments[0]})
		if err == nil {
			s.sayf("deleted %s", arguments[0])
		}
		return err
	})
}
