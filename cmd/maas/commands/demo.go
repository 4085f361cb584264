package commands

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
	"github.com/17882237881/MaaS/cmd/maas/demo"
	"github.com/17882237881/MaaS/cmd/maas/push"
	"github.com/17882237881/MaaS/cmd/maas/sessions"
)

// demo returns the command `maas demo`. It shows the whole journey with a new tenant, in its own store of sessions, and starts a server for
// that time if none answers.
func (m Maker) demo() *cobra.Command {
	cmd := &cobra.Command{
		Use: "demo", Short: "Show the whole journey on a small model, step by step",
		Long: "Signs up a new tenant, pushes, publishes and calls a small model that this program carries, then a second version of it, compares\n" +
			"the two and rolls back. It uses the server that other commands would use; where none answers it starts one of its own for as long.",
		Args: cobra.NoArgs,
	}
	return m.command(cmd, func(ctx context.Context, s *session, _ []string) (err error) {
		folder, err := os.MkdirTemp("", "maas-demo-")
		if err != nil {
			return fmt.Errorf("temporary folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		story := newStory(s)
		server, stop, err := story.server(ctx, folder)
		if err != nil {
			return err
		}
		defer stop()
		// A store of its own: the session that the user has stays as it is.
		if s.Client, err = sessions.New(sessions.Options{Server: server, Store: sessions.NewStore(filepath.Join(folder, "config"))}); err != nil {
			return err
		}
		return story.run(ctx, folder)
	})
}

// story tells the journey while it makes it.
type story struct {
	*session

	w     io.Writer
	model ref.Model
	began time.Time
	told  []storyStep
}

// summary is what is left of a story in JSON.
type summary struct {
	Server string      `json:"server"`
	Model  ref.Model   `json:"model"`
	Steps  []storyStep `json:"steps"`
	Took   int64       `json:"took_ms"`
}

type storyStep struct {
	Command string `json:"command"`
	Outcome string `json:"outcome"`
	Took    int64  `json:"took_ms"`
}

// newStory returns the story of a new model of a tenant with a random name. It is told on stdout, with --output json on stderr, and with
// --quiet nowhere.
func newStory(s *session) *story {
	name := "demo-" + strings.ToLower(rand.Text()[:8])
	t := &story{session: s, w: s.stdout, began: time.Now(), model: ref.Model{Tenant: ref.Tenant(name), Name: "digits"}}
	if s.json {
		t.w = s.stderr
	}
	if s.quiet {
		t.w = io.Discard
	}
	return t
}

// step prints what is done and the command that does it, calls do, and prints and records the result. If do fails, step returns its error and
// records nothing.
func (t *story) step(why, command string, do func() (string, error)) error {
	fmt.Fprintf(t.w, "\n%d. %s\n   $ maas %s\n", len(t.told)+1, why, command)
	began := time.Now()
	outcome, err := do()
	if err != nil {
		return err
	}
	took := time.Since(began).Milliseconds()
	t.told = append(t.told, storyStep{command, outcome, took})
	fmt.Fprintf(t.w, "   %s (%d ms)\n", strings.ReplaceAll(outcome, "\n", "\n   "), took)
	return nil
}

// run unpacks the two sample versions into folder, takes all steps of the journey, deletes the model and prints the summary. It stops at the
// first error, and then leaves the model as it is.
func (t *story) run(ctx context.Context, folder string) error {
	first, second, err := demo.Unpack(folder)
	if err != nil {
		return err
	}
	one, two := t.at("1.0.0"), t.at("2.0.0")
	for _, step := range []func() error{
		func() error { return t.signUp(ctx) },
		func() error { return t.push(ctx, one, first) },
		func() error { return t.publish(ctx, one) },
		func() error { return t.call(ctx, "Call it: three images of digits, three answers", first) },
		func() error {
			return t.call(ctx, "Call it again: it is deterministic, so the answer may come from the cache", first)
		},
		func() error { return t.push(ctx, two, second) },
		func() error { return t.publish(ctx, two) },
		func() error { return t.call(ctx, "Call the model: latest is the new version now", second) },
		func() error { return t.diff(ctx, one, two) },
		func() error { return t.rollback(ctx) },
		func() error { return t.call(ctx, "Call the model: latest is the old version again", first) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := t.leave(ctx); err != nil {
		return err
	}
	return t.end()
}

// leave deletes the model with all its versions, and so ends its model servers: nobody can sign in to its tenant any more.
func (t *story) leave(ctx context.Context) error {
	return t.DeleteModel(ctx, api.DeleteModelRequest{Model: t.model, Force: true})
}

// at returns the model's version v, such as "1.0.0". It panics if v is malformed.
func (t *story) at(v string) version {
	parsed, err := ref.ParseVersion(v)
	if err != nil {
		panic(err) // it is written above
	}
	return version{t.model, parsed}
}

// signUp registers a user with a random password and the model's new tenant, and signs in.
func (t *story) signUp(ctx context.Context) error {
	email, password := string(t.model.Tenant)+"@example.com", rand.Text()
	return t.step("Sign up: a user who owns a new tenant", fmt.Sprintf("register --email %s --tenant %s", email, t.model.Tenant), func() (string, error) {
		in := api.RegisterRequest{Email: api.Email(email), Tenant: t.model.Tenant, Password: api.Password(password)}
		if _, err := t.Register(ctx, in); err != nil {
			return "", err
		}
		_, err := t.SignIn(ctx, email, password, "")
		return "signed in to " + t.Server(), err
	})
}

// push uploads v's file into the draft version to, and waits until it is verified. It creates the model if need be.
func (t *story) push(ctx context.Context, to version, v demo.Version) error {
	return t.step("Push a model file into a draft version: chunks go in parallel, then the file is verified",
		fmt.Sprintf("push %s %s", to, filepath.Base(v.File)), func() (string, error) {
			p := &push.Pusher{Client: t.Client.Client, Model: to.model, Version: to.Version, Parallel: 4, Progress: maas.NoProgress{}}
			if _, err := p.EnsureModel(ctx); err != nil {
				return "", err
			}
			done, err := p.File(ctx, push.Item{Name: v.File, Path: "model.onnx"})
			return fmt.Sprintf("verified: %d bytes, sha256 %.12s…", done.Size, done.SHA256), err
		})
}

// publish publishes the version as deterministic, and waits until it can be called.
func (t *story) publish(ctx context.Context, which version) error {
	return t.step("Publish it: frozen from now on, and served", fmt.Sprintf("publish %s --deterministic", which), func() (string, error) {
		v, err := t.session.publish(ctx, api.PublishRequest{Model: which.model, Version: which.Version, Deterministic: true})
		if err != nil {
			return "", err
		}
		if v, err = t.await(ctx, which, v); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: %s", deployed(v.Deployment), strings.Join(texts(v.Aliases), ", ")), nil
	})
}

// call sends v's request to the model without a version, and fails unless the answer has v's expected numbers.
func (t *story) call(ctx context.Context, why string, v demo.Version) error {
	return t.step(why, fmt.Sprintf("infer %s -f request.json", t.model), func() (string, error) {
		var answer bytes.Buffer
		header, err := t.answer(ctx, call{target: ref.Target{Model: t.model}, body: v.Request, timeout: time.Minute}, &answer)
		if err != nil {
			return "", err
		}
		outputs, err := v.Check(answer.Bytes())
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s = %v, as expected; answered by %s, cache %s",
			outputs[0].Name, outputs[0].Data, header.Get("X-Model-Version"), header.Get("X-Cache")), nil
	})
}

// diff prints how versions a and b differ.
func (t *story) diff(ctx context.Context, a, b version) error {
	return t.step("Compare the versions", fmt.Sprintf("diff %s %s", a, b), func() (string, error) {
		found, err := t.comparison(ctx, ref.Target{Model: a.model, Selector: ref.Exact(a.Version)}, ref.Target{Model: b.model, Selector: ref.Exact(b.Version)})
		if err != nil {
			return "", err
		}
		var text strings.Builder
		writeComparison(&text, found)
		return strings.TrimSpace(text.String()), nil
	})
}

// rollback moves the alias latest back to where it was before.
func (t *story) rollback(ctx context.Context) error {
	return t.step("Roll back: one row, at once, since the old version still runs", fmt.Sprintf("alias rollback %s latest", t.model), func() (string, error) {
		moved, err := t.Rollback(ctx, api.RollbackRequest{Model: t.model, Alias: ref.Latest, Why: "demo"})
		return fmt.Sprintf("latest leads to %s, before to %s", shown(moved.Traffic), shown(moved.Previous)), err
	})
}

// end prints the summary: the time taken as text, or the server, model and steps as JSON.
func (t *story) end() error {
	took := time.Since(t.began)
	return t.result(summary{t.Server(), t.model, t.told, took.Milliseconds()}, func(w io.Writer) {
		fmt.Fprintf(w, "\nDone in %.1f s: every answer was the expected one.\n", took.Seconds())
	})
}
