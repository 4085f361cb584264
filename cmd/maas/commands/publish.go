package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/client"
	"github.com/17882237881/MaaS/shared/backoff"
)

// publication is what `publish` asks for, as the API takes it (catalog.Publish).
type publication struct {
	Changelog     *string  `json:"changelog,omitempty"`
	Aliases       []string `json:"aliases,omitempty"`
	Deterministic bool     `json:"deterministic,omitempty"`
	MinReplicas   int      `json:"min_replicas,omitempty"`
}

func (m Maker) publish() *cobra.Command {
	var in publication
	var changelog string
	var noWait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "publish REF", Short: "Freeze a draft version and serve it",
		Long: "Freezes a draft version and waits until its deployment is ready. A version that is published already is waited for; if its start failed, it is " +
			"tried again at once.",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&changelog, "changelog", "", "what the version brings")
	cmd.Flags().StringSliceVar(&in.Aliases, "alias", nil, "an alias to move to it once it is ready; may be repeated")
	cmd.Flags().BoolVar(&in.Deterministic, "deterministic", false, "the same input gives the same output: results may be cached")
	cmd.Flags().IntVar(&in.MinReplicas, "min-replicas", 0, "how many run also while nobody calls")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is ready")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "how long to wait until it is ready")
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		which, err := exact(arguments[0])
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("changelog") {
			in.Changelog = &changelog
		}
		v, err := s.publish(ctx, which, in)
		if err != nil || noWait {
			return s.published(v, err)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return resumable(s.published(s.await(ctx, which, v)))
	})
}

// publish makes sure that the version is published, and that a start which failed is tried again.
func (s *session) publish(ctx context.Context, which version, in publication) (v api.Version, err error) {
	if err := s.Do(ctx, client.Request{Method: http.MethodGet, Path: which.path()}, &v); err != nil {
		return v, err
	}
	if v.Status != api.VersionDraft {
		s.sayf("%s is %s already", which, v.Status)
		return s.retry(ctx, which, v)
	}
	if err = s.post(ctx, which, in, &v); err == nil {
		s.sayf("published %s, digest %s", which, v.Digest)
	}
	return v, err
}

// post asks for the publication, and reads the version as it is then.
func (s *session) post(ctx context.Context, which version, in publication, v *api.Version) error {
	return s.Do(ctx, client.Request{
		Method: http.MethodPost, Path: which.path() + "/publish", In: in, Repeat: true,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
	}, v)
}

// retry has the start of a published version that failed tried again.
func (s *session) retry(ctx context.Context, which version, v api.Version) (api.Version, error) {
	if v.Deployment.Failure == "" || v.Status == api.VersionRetired {
		return v, nil
	}
	s.sayf("%s; it is tried again", deployed(v.Deployment))
	err := s.post(ctx, which, publication{}, &v)
	if fault.Is(err, fault.Conflict) { // it runs by now
		err = s.Do(ctx, client.Request{Method: http.MethodGet, Path: which.path()}, &v)
	}
	return v, err
}

// The pauses between two requests for a deployment's status. They start over when the status changes.
const (
	firstLook   = 200 * time.Millisecond
	longestLook = 5 * time.Second
)

// await waits until the version can be called, and tells each status on the way.
func (s *session) await(ctx context.Context, which version, v api.Version) (api.Version, error) {
	said := ""
	for pauses := (backoff.Backoff{First: firstLook, Longest: longestLook}); ; {
		if now := deployed(v.Deployment); now != said && v.Deployment.Status != api.DeploymentNone {
			said = now
			pauses.Reset()
			s.sayf("%s", now)
		}
		switch v.Deployment.Status {
		case api.DeploymentReady, api.DeploymentIdle:
			return v, nil
		case api.DeploymentFailed:
			return v, fault.New(fault.Unprocessable, fmt.Sprintf("%s is published but cannot be served: %s", which, v.Deployment.Reason))
		case api.DeploymentRemoved:
			s.sayf("its first call starts it again")
			return v, nil
		default: // it goes on
		}
		if pauses.Wait(ctx) != nil {
			return v, ended(ctx, which)
		}
		var now api.Version
		err := s.Do(ctx, client.Request{Method: http.MethodGet, Path: which.path()}, &now)
		switch {
		case err != nil && ctx.Err() != nil:
			return v, ended(ctx, which)
		case err != nil:
			return v, err
		}
		v = now
	}
}

func ended(ctx context.Context, which version) error {
	if fault.Is(ctx.Err(), fault.Timeout) {
		return fault.New(fault.Timeout, fmt.Sprintf("%s is published but not ready yet; the server goes on. Run the command again to wait longer.", which))
	}
	return ctx.Err()
}

// deployed says how a deployment gets on, with the times of its start where they are known.
func deployed(d api.Deployment) string {
	text := "deployment: " + string(d.Status)
	if p := d.Phases; p != (api.StartPhases{}) {
		text += fmt.Sprintf(" (scheduled in %d ms, fetched in %d ms, loaded in %d ms)", p.Schedule, p.Fetch, p.Load)
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	if d.Failure == "passing" {
		text += fmt.Sprintf(" (failed attempts: %d; it is tried again)", d.Attempts)
	}
	return text
}

func (s *session) published(v api.Version, err error) error {
	if err != nil {
		return err
	}
	return s.result(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s@%s %s, %s", v.Model, v.Version, v.Status, v.Deployment.Status)
		if len(v.Aliases) > 0 {
			fmt.Fprintf(w, ": %s", strings.Join(texts(v.Aliases), ", "))
		}
		fmt.Fprintln(w)
	})
}

// texts gives values of any kind of string as strings.
func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	return all
}
