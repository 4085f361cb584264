package commands

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// publish returns the command `maas publish`, which publishes a draft version and waits until it can be called, unless --no-wait is given.
func (m Maker) publish() *cobra.Command {
	var in api.PublishRequest
	var changelog string
	var aliases []string
	var replicas int
	var noWait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "publish REF", Short: "Freeze a draft version and serve it",
		Long: "Freezes a draft version and waits until its deployment is ready. A version that is published already is waited for; if its start failed, it is " +
			"tried again at once.",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&changelog, "changelog", "", "what the version brings")
	cmd.Flags().StringSliceVar(&aliases, "alias", nil, "an alias to move to it once it is ready; may be repeated")
	cmd.Flags().BoolVar(&in.Deterministic, "deterministic", false, "the same input gives the same output: results may be cached")
	cmd.Flags().IntVar(&replicas, "min-replicas", 0, "how many run also while nobody calls")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until it is ready")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "how long to wait until it is ready")
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		which, err := exact(arguments[0])
		if err != nil {
			return err
		}
		in.Model, in.Version, in.MinReplicas = which.model, which.Version, api.Replicas(replicas)
		if cmd.Flags().Changed("changelog") {
			in.Changelog = new(api.Changelog(changelog))
		}
		for _, alias := range aliases {
			in.Aliases = append(in.Aliases, ref.Alias(alias))
		}
		v, err := s.publish(ctx, in)
		if err != nil || noWait {
			return s.published(v, err)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return resumable(s.published(s.await(ctx, which, v)))
	})
}

// publish publishes a draft version. If the version is published already and its start has failed, it is tried again. It returns the version
// as it is then.
func (s *session) publish(ctx context.Context, in api.PublishRequest) (api.Version, error) {
	v, err := s.GetVersion(ctx, versionOf(in))
	if err != nil {
		return v, err
	}
	if v.Status != api.VersionDraft {
		s.sayf("%s is %s already", in.Name(), v.Status)
		return s.retry(ctx, v)
	}
	if v, err = s.Publish(ctx, in); err == nil {
		s.sayf("published %s, digest %s", in.Name(), v.Digest)
	}
	return v, err
}

// versionOf returns the request for the version that in would publish.
func versionOf(in api.PublishRequest) api.VersionRequest {
	return api.VersionRequest{Model: in.Model, Ref: ref.Exact(in.Version)}
}

// retry asks the server to try the failed start of a published version again, and returns the version as it is then. If no start has failed,
// or the version is retired, it returns v.
func (s *session) retry(ctx context.Context, v api.Version) (api.Version, error) {
	if v.Deployment.Failure == api.FailureNone || v.Status == api.VersionRetired {
		return v, nil
	}
	s.sayf("%s; it is tried again", deployed(v.Deployment))
	again := api.PublishRequest{Model: v.Model, Version: v.Version}
	started, err := s.Publish(ctx, again)
	if fault.Is(err, fault.Conflict) { // it runs by now
		return s.GetVersion(ctx, versionOf(again))
	}
	return started, err
}

// The pauses between two requests for a deployment's status. They start over when the status changes.
const (
	firstLook   = 200 * time.Millisecond
	longestLook = 5 * time.Second
)

// await polls the version until it can be called, prints each new status, and returns the version. It fails with Unprocessable if the
// deployment has failed for good, and with Timeout if ctx's deadline passes. A removed deployment is no error: the next call starts it.
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
		now, err := s.GetVersion(ctx, api.VersionRequest{Model: which.model, Ref: ref.Exact(which.Version)})
		switch {
		case err != nil && ctx.Err() != nil:
			return v, ended(ctx, which)
		case err != nil:
			return v, err
		}
		v = now
	}
}

// ended returns the error for a wait that ctx has ended: a Timeout that says how to go on, or ctx's own error.
func ended(ctx context.Context, which version) error {
	if fault.Is(ctx.Err(), fault.Timeout) {
		return fault.New(fault.Timeout, fmt.Sprintf("%s is published but not ready yet; the server goes on. Run the command again to wait longer.", which))
	}
	return ctx.Err()
}

// deployed describes a deployment in one line: its status, and where known the times of its start, the reason and the failed attempts.
func deployed(d api.Deployment) string {
	text := "deployment: " + string(d.Status)
	if p := d.Phases; p != (api.StartPhases{}) {
		text += fmt.Sprintf(" (scheduled in %d ms, fetched in %d ms, loaded in %d ms)", p.Schedule, p.Fetch, p.Load)
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	if d.Failure == api.FailurePassing {
		text += fmt.Sprintf(" (failed attempts: %d; it is tried again)", d.Attempts)
	}
	return text
}

// published prints a version with its status and aliases. If err is not nil, it prints nothing and returns err.
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

// texts returns values of any kind of string as strings.
func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	return all
}
