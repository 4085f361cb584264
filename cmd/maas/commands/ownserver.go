package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/child"
)

// server returns the address of a server that answers: the one that other commands use, or, if that is unavailable, a new one with its data
// below folder. stop ends the new one, and does nothing otherwise.
func (t *story) server(ctx context.Context, folder string) (address string, stop func(), err error) {
	err = t.Client.Ready(ctx)
	if !fault.Is(err, fault.Unavailable) {
		return t.Server(), func() {}, err
	}
	fmt.Fprintf(t.w, "No server answers at %s: starting one in a temporary folder, for this demonstration.\n", t.Server())
	return startServer(ctx, t.stderr, filepath.Join(folder, "data"))
}

// serverWithin bounds the start of a server whose database has to be made.
const serverWithin = 2 * time.Minute

// startServer starts `maas up` as a child on a free port with the data folder, and waits for serverWithin at most until it is ready. stop ends
// it. It fails with Unavailable if the server does not start.
func startServer(ctx context.Context, stderr io.Writer, data string) (address string, stop func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("start a server: %w", err)
	}
	said := &announcement{}
	process, err := child.Start(ctx, child.Spec{
		Name: "maas up", ReadyWithin: serverWithin,
		Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(program, "up", "--data", data, "--listen", "127.0.0.1:0", "--log", "json")
			cmd.Stdout = said
			return cmd, nil
		},
		Ready: func(context.Context) error {
			if said.address() == "" {
				return errors.New("it has not said its address")
			}
			return nil
		},
	})
	if err != nil {
		return "", nil, fault.New(fault.Unavailable, "No server could be started for the demonstration: "+err.Error(), fault.Cause(err))
	}
	return said.address(), func() { process.Stop(context.WithoutCancel(ctx)) }, nil
}

// announcement keeps the line that `maas up` prints when it is ready.
type announcement struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.Write(p)
}

// address returns the server's address once the server is ready, and "" before.
func (a *announcement) address() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	line, _, ended := strings.Cut(a.text.String(), "\n")
	address, ok := strings.CutPrefix(line, "ready ")
	if !ok || !ended {
		return ""
	}
	return address
}
