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
)

// login returns the command `maas login`. It asks for the password, signs in, stores the session and prints who is signed in.
func (m Maker) login() *cobra.Command {
	var name, tenant string
	var password passwords
	cmd := &cobra.Command{
		Use: "login [EMAIL|USERNAME]", Short: "Sign in and keep the session",
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&name, "email", "", "your address, or your username")
	cmd.Flags().StringVar(&tenant, "tenant", "", "which of your tenants, if you have several")
	password.flag(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		if len(arguments) == 1 {
			name = arguments[0]
		}
		if name == "" {
			return misuse(fault.New(fault.Invalid, "Say who signs in: `maas login EMAIL`.", fault.Field("email")))
		}
		password.prepare(cmd)
		secret, err := password.ask(ctx)
		if err != nil {
			return err
		}
		if _, err := s.SignIn(ctx, name, secret, tenant); err != nil {
			return err
		}
		return s.showMe(ctx)
	})
}

// logout returns the command `maas logout`. It deletes the stored session and ends it at the server. If the server is away the command fails
// with Unavailable, and the stored session is gone all the same.
func (m Maker) logout() *cobra.Command {
	cmd := &cobra.Command{Use: "logout", Short: "End the session, here and at the server", Args: cobra.NoArgs}
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		err := s.SignOut(ctx)
		if fault.Is(err, fault.Unavailable) {
			return fault.New(fault.Unavailable, "You are signed out here, but the server was not told. "+fault.From(err).Message)
		}
		if err == nil {
			s.sayf("signed out of %s", s.Server())
		}
		return err
	})
}

func (m Maker) whoami() *cobra.Command {
	cmd := &cobra.Command{Use: "whoami", Short: "Show who is signed in", Args: cobra.NoArgs}
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error { return s.showMe(ctx) })
}

// nameOf returns what a user or a key is called: the email address, `the API key "NAME"`, or "nobody".
func nameOf(me api.Me) string {
	switch {
	case me.Key != nil:
		return "the API key " + strconv.Quote(string(me.Key.Name))
	case me.Email != nil:
		return string(*me.Email)
	default:
		return "nobody"
	}
}

// showMe asks the server who is signed in, and prints it with roles, tenant and server.
func (s *session) showMe(ctx context.Context) error {
	me, err := s.Me(ctx)
	if err != nil {
		return err
	}
	return s.result(me, func(w io.Writer) {
		if me.Key != nil {
			fmt.Fprintf(w, "%s of %s, at %s\n", safe(nameOf(me)), me.Tenant, s.Server())
			return
		}
		roles := make([]string, len(me.Roles))
		for i, role := range me.Roles {
			roles[i] = string(role)
		}
		fmt.Fprintf(w, "%s, %s of %s, at %s\n", safe(nameOf(me)), strings.Join(roles, " and "), me.Tenant, s.Server())
	})
}
