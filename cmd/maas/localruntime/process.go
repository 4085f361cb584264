package localruntime

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/child"
	"github.com/17882237881/MaaS/cmd/maas/confine"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/socket"
	"github.com/17882237881/MaaS/shared/termination"
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
	sockets string // folder for the runtime's socket, this user's alone
	program Program
	allowed allowance.Allowance
}

// process is a model server that runs.
type process struct {
	child *child.Process
	url   *url.URL
	cell  *confine.Cell
	model model
}

// await waits until the process has ended. It returns an Unprocessable error if the process took more memory than it was given, and nil
// otherwise.
func (p *process) await() error {
	<-p.child.Done()
	p.cell.Leave()
	if end := p.child.Err(); outOfMemory(p.cell, end) {
		return exceeded(p.model.allowed, allowance.Memory, end)
	}
	return nil
}

// outOfMemory reports whether a model server ended because it needed more memory than it is given: its cell ended it, or it ended by itself with the
// exit status termination.OutOfMemory. end is the error that its start or its run ended with, or nil.
func outOfMemory(cell *confine.Cell, end error) bool {
	exit, ok := errors.AsType[*exec.ExitError](end)
	return cell.Exceeded() || ok && exit.ExitCode() == termination.OutOfMemory
}

// stop asks the process to end, kills it when ctx ends or after 30 seconds, and returns when it is gone.
func (p *process) stop(ctx context.Context) {
	p.child.Stop(ctx)
	p.cell.Leave()
}

// niceness is how much lower the priority of model servers for CPU time is than that of this process and its stores. Each step gives 1.25 times the
// time (sched(7)): while all want it, a model server has a third of what they have, and ten steps would leave it a tenth.
const niceness = 5

// announcements are the lines of a runtime's stdout: "listening ADDRESS" and "ready ADDRESS".
type announcements struct {
	mu     sync.Mutex
	rest   []byte
	loaded bool
}

// Write implements io.Writer. It never fails, and drops a line of more than maxLine bytes.
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
		a.loaded = a.loaded || bytes.HasPrefix(line, []byte("ready "))
	}
	if len(a.rest) > maxLine {
		a.rest = nil // no announcement is that long
	}
	return len(p), nil
}

const maxLine = 4 << 10

var errNotReady = errors.New("the model is not loaded yet")

// ready returns nil once the runtime has said that its model is loaded, and errNotReady before. It is the Ready function of child.Spec.
func (a *announcements) ready(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.loaded {
		return errNotReady
	}
	return nil
}

// stopTime is longer than maas-onnx drains (25 s) and then answers what is left.
const stopTime = 30 * time.Second

// launch starts a runtime in the cell and waits until its model is loaded. ctx must have a deadline, which bounds that. The runtime listens at
// a socket that only this user reaches. If launch fails nothing is left running, and the error is one of serverFailure or exceeded.
func launch(ctx context.Context, m model, cell *confine.Cell, log *slog.Logger) (*process, error) {
	said := &announcements{}
	last := newLastWords(log.Handler())
	deadline, _ := ctx.Deadline()
	path := filepath.Join(m.sockets, strings.ToLower(rand.Text()[:socketName])+socketEnding)
	address, err := url.Parse(socket.URL(path))
	if err != nil {
		return nil, fmt.Errorf("the address of the runtime of %s: %w", m.name, err)
	}
	c, err := child.Start(ctx, child.Spec{
		Name:  "runtime " + m.name,
		Log:   slog.New(last),
		Ready: said.ready, ReadyWithin: time.Until(deadline), // a large model loads for minutes
		Grace: stopTime, Nice: niceness, Started: cell.Watch,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(m.program.Path, "--model-dir", m.folder, "--listen", "unix:"+path)
			cmd.Env = append(cmd.Environ(), m.program.Environment...)
			for _, v := range m.allowed.Variables() {
				cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
			}
			cmd.Stdout = said
			cell.Enter(cmd)
			return cmd, nil
		},
	})
	if err != nil {
		_ = os.Remove(path) // one that was killed leaves it
		cell.Leave()
		if outOfMemory(cell, err) {
			return nil, exceeded(m.allowed, allowance.Memory, err)
		}
		return nil, serverFailure(m, last.words(), err)
	}
	return &process{c, address, cell, m}, nil
}

const (
	socketName   = 12 // letters: a socket's path is 107 bytes at most
	socketEnding = ".model"
)

// clearSockets removes the sockets that runtimes of a former process left in the folder. One that cannot be removed does not stop the others; the errors
// are joined.
func clearSockets(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "*"+socketEnding))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
