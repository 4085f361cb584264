// Package commands is the client's part of the command maas: signing in, pushing, publishing and calling models, and looking at what there is.
//
// Results go to stdout, as text or as the JSON of the API; progress and messages go to stderr. Status gives each error its exit status.
package commands

import (
	"context"
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/sessions"
)

// Maker makes the commands for one process.
type Maker struct {
	// Getenv returns a variable of the process's environment.
	Getenv func(name string) string
}

// All returns the commands, to be hung on a root.
func (m Maker) All() []*cobra.Command {
	return []*cobra.Command{
		m.register(), m.login(), m.logout(), m.whoami(),
		m.push(), m.pull(), m.publish(), m.infer(),
		m.models(), m.versions(), m.diff(), m.alias(), m.deprecate(), m.retire(),
		m.uploads(), m.keys(), m.policy(), m.usage(), m.stats(),
		m.status(), m.version(), m.demo(),
	}
}

// defaultServer is where `maas up` listens.
const defaultServer = "http://localhost:8080"

// session is what a command works with: the server and where to write.
type session struct {
	*sessions.Client
	*output

	getenv func(name string) string
}

// run is what a command does.
type run func(ctx context.Context, s *session, arguments []string) error

// command gives cmd the flags --server, --output and --quiet, makes it run do with a session, and returns cmd. cmd.Args must be set; what it
// refuses becomes a usage error. SIGINT and SIGTERM cancel do's context; a second one ends the process.
func (m Maker) command(cmd *cobra.Command, do run) *cobra.Command {
	cmd.Flags().String("server", "", "address of the server (default: MAAS_SERVER, else the one signed in to, else "+defaultServer+")")
	cmd.Flags().String("output", "text", "text or json")
	cmd.Flags().Bool("quiet", false, "no progress and no messages")
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, arguments []string) error { return misuse(check(cmd, arguments)) }
	cmd.RunE = func(cmd *cobra.Command, arguments []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
		s, err := m.session(cmd)
		if err != nil {
			return err
		}
		return do(ctx, s, arguments)
	}
	return cmd
}

// group returns a command that has only others below it. Called alone it prints its help; an argument is a usage error.
func group(use, short string, members ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, arguments []string) error { return misuse(cobra.NoArgs(cmd, arguments)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(members...)
	return cmd
}

// session returns the session of a command that runs: its output and a client, made from its flags, the environment and the stored sign-in. A
// malformed flag or address is a usage error. Nobody needs to be signed in.
func (m Maker) session(cmd *cobra.Command) (*session, error) {
	out, err := newOutput(cmd)
	if err != nil {
		return nil, err
	}
	o := sessions.Options{Token: m.Getenv("MAAS_TOKEN"), APIKey: m.Getenv("MAAS_API_KEY"), Notify: out.retrying()}
	if o.Store, err = sessions.OpenStore(m.Getenv); err != nil && o.Token == "" && o.APIKey == "" {
		return nil, err
	}
	if o.Store != nil {
		o.Store.Notice = func(sentence string) { out.sayf("%s", sentence) }
	}
	if o.Server, err = m.server(cmd, o); err != nil {
		return nil, err
	}
	if flag := cmd.Flags().Lookup("retry-for"); flag != nil {
		o.Retry, _ = time.ParseDuration(flag.Value.String()) // the flag is a duration
	}
	client, err := sessions.New(o)
	if err != nil {
		return nil, misuse(err)
	}
	return &session{client, out, m.Getenv}, nil
}

// server chooses the server's address: --server, else MAAS_SERVER, else the one signed in to last, else defaultServer. If the stored sessions
// are damaged it returns defaultServer, so that the user can sign in. With a token or key in the environment it fails instead, since that may
// be another server's.
func (m Maker) server(cmd *cobra.Command, o sessions.Options) (string, error) {
	address := cmd.Flag("server").Value.String()
	if address == "" {
		address = m.Getenv("MAAS_SERVER")
	}
	if address == "" && o.Store != nil {
		stored, err := o.Store.Read()
		if err != nil && (!errors.Is(err, sessions.ErrDamaged) || o.Token != "" || o.APIKey != "") {
			return "", err
		}
		address = stored.Current
	}
	if address == "" {
		return defaultServer, nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return address, nil
}

// retryFor adds the flag --retry-for to cmd: how long requests are retried while the server is away, 5 minutes by default.
func retryFor(cmd *cobra.Command) {
	cmd.Flags().Duration("retry-for", 5*time.Minute, "how long to try again while the server is away")
}
