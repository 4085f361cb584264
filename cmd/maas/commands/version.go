package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/serve"
)

// programs is what `version` shows: this program, and the server's where one answers.
type programs struct {
	Client api.ServerVersion  `json:"client"`
	Server *api.ServerVersion `json:"server"`
}

// version returns the command `maas version`. It prints what this program and the server were built from. A server that does not answer is no
// error.
func (m Maker) version() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Show what this program and the server were built from", Args: cobra.NoArgs}
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) error {
		found := programs{Client: serve.VersionOf("maas")}
		server, err := s.Client.Version(ctx)
		switch {
		case err == nil:
			found.Server = &server
		case fault.Is(err, fault.Canceled):
			return err
		case fault.Is(err, fault.NotFound):
			s.sayf("%s does not tell its version", s.Server())
		default:
			s.sayf("%s", Explain(err)) // the client's own is known all the same
		}
		return s.result(found, func(w io.Writer) {
			fmt.Fprintf(w, "client  %s\n", built(found.Client))
			if found.Server != nil {
				fmt.Fprintf(w, "server  %s\n", built(server))
			}
		})
	})
}

// Version returns what this program was built from, for --version.
func Version() string { return "maas " + built(serve.VersionOf("maas")) }

// built describes a program in one line: version, commit, whether it was built with changes, and the version of Go.
func built(v api.ServerVersion) string {
	text := v.Version
	if v.Commit != "" {
		text += ", commit " + v.Commit
	}
	if v.Modified {
		text += " and changes"
	}
	return safe(text + ", " + v.Go)
}
