// Package runtimes keeps the model runtimes of one machine: each version's is a child process, started by its first call and stopped when
// it has been idle, as Knative would. The supervisor is the consumer of the events that deploy-version has on a cluster.
package runtimes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// Programs are the runtimes that this machine has: the program of each runtime's name ("maas-onnx").
type Programs map[string]Program

// Program is a model server.
type Program struct {
	Path        string   // of the executable
	Environment []string // "NAME=value", added to this process's
}

// model is what a runtime is started with.
type model struct {
	name    string // "acme/digits@1.0.0", for logs
	folder  string // with the version's files
	program Program
}

// process is a model server that runs.
type process struct {
	child *child.Process
	url   *url.URL
}

// announcements are the lines of a runtime's stdout: "listening http://ADDRESS" and "ready http://ADDRESS".
type announcements struct {
	mu      sync.Mutex
	rest    []byte
	address string // once it is ready
}

// Write implements io.Writer.
func (a *announcements) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rest = append(a.rest, p...)
	for {
		line, rest, whole := bytes.Cut(a.rest, []byte("\n"))
		if !whole {
			break
		}
		a.rest = rest
		if address, ok := strings.CutPrefix(string(line), "ready "); ok {
			a.address = address
		}
	}
	if len(a.rest) > maxLine {
		a.rest = nil // no announcement is that long
	}
	return len(p), nil
}

const maxLine = 4 << 10

var errNotReady = errors.New("the model is not loaded yet")

// ready is child.Spec's Ready.
func (a *announcements) ready(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.address == "" {
		return errNotReady
	}
	return nil
}

// launch starts a runtime and waits until its model is loaded, or ctx ends, which has a deadline. What the runtime says of a failure is the error's last words.
func launch(ctx context.Context, m model, log *slog.Logger) (*process, error) {
	said := &announcements{}
	last := newLastWords(log.Handler())
	deadline, _ := ctx.Deadline()
	c, err := child.Start(ctx, child.Spec{
		Name:  "runtime " + m.name,
		Log:   slog.New(last),
		Ready: said.ready, ReadyWithin: time.Until(deadline), // a large model loads for minutes
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(m.program.Path, "--model-dir", m.folder, "--listen", "127.0.0.1:0")
			cmd.Env = append(cmd.Environ(), m.program.Environment...)
			cmd.Stdout = said
			return cmd, nil
		},
	})
	if err != nil {
		return nil, m.notStarted(last.explain(err))
	}
	address, err := url.Parse(said.address)
	if err != nil {
		c.Stop(ctx)
		return nil, m.notStarted(fmt.Errorf("its server listens on no address: %w", err))
	}
	return &process{c, address}, nil
}
