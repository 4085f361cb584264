package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// register returns the command `maas register`, which creates a user with a tenant of its own and signs in.
func (m Maker) register() *cobra.Command {
	var email, tenant, username string
	var password passwords
	cmd := &cobra.Command{
		Use: "register --email EMAIL --tenant TENANT", Short: "Make an account with a tenant of its own, and sign in",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&email, "email", "", "your address")
	cmd.Flags().StringVar(&tenant, "tenant", "", "name of the new tenant, which its models' names begin with")
	cmd.Flags().StringVar(&username, "username", "", "another name to sign in with")
	password.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		if err := needed(cmd, "email", "tenant"); err != nil {
			return err
		}
		password.prepare(cmd)
		secret, err := password.askTwice(ctx)
		if err != nil {
			return err
		}
		in := api.RegisterRequest{Email: api.Email(email), Tenant: ref.Tenant(tenant), Password: api.Password(secret)}
		if username != "" {
			in.Username = new(api.Username(username))
		}
		made, err := s.Client.Register(ctx, in)
		if err != nil {
			return err
		}
		if _, err := s.SignIn(ctx, email, secret, tenant); err != nil {
			return fault.New(fault.KindOf(err), "The account is made; sign in with `maas login`. "+fault.From(err).Message)
		}
		return s.result(made, func(w io.Writer) {
			fmt.Fprintf(w, "%s owns %s and is signed in at %s\n", made.User.Email, made.Tenant, s.Server())
		})
	})
}
