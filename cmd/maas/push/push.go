// Package push brings files into a draft version: it splits a file into chunks, sends those that the server does not have, several at a
// time, and waits until the file is verified. Run again, it goes on where the last run was cut off.
package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/client"
	"github.com/17882237881/MaaS/shared/backoff"
)

// Pusher pushes to one version.
type Pusher struct {
	Client   *client.Client
	Model    ref.Model
	Version  ref.Version
	Parallel int // chunks on the way at once
	Progress Progress
}

// Progress is told how a file gets on. Its methods are called from several goroutines.
type Progress interface {
	// Begin names the file, its size and how much of it the server has already, in bytes.
	Begin(file string, size, there int64)
	// Sent counts bytes that have left; it is negative when a chunk has to be sent again.
	Sent(n int64)
	// Phase says what the server does with the file, and how far it is, 0 to 1.
	Phase(name api.UploadPhase, done float64)
	// End is called once for each Begin.
	End()
}

// Result is what became of a file.
type Result struct {
	api.Upload

	Unchanged bool `json:"unchanged"` // the version held the same file already
}

// rounds bounds how often an upload is begun anew because the file or the server's copy is another than when it was begun.
const rounds = 3

// File pushes a file under a path of the version; "" stands for the file's own name. A file that the server rejects is Unprocessable, with its reason.
func (p *Pusher) File(ctx context.Context, name, path string) (Result, error) {
	if path == "" {
		path = filepath.Base(name)
	}
	if _, err := ref.ParsePath(path); err != nil {
		return Result{}, err
	}
	f, err := openFile(name)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = f.Close() }() // only read from
	return p.push(ctx, f, path)
}

// Spooled pushes what Spool has kept, under a path of the version.
func (p *Pusher) Spooled(ctx context.Context, s *Spool, path string) (Result, error) {
	return p.push(ctx, s.file, path)
}

func (p *Pusher) push(ctx context.Context, f file, path string) (Result, error) {
	if held, ok, err := p.unchanged(ctx, f, path); err != nil || ok {
		return Result{Upload: held, Unchanged: ok}, err
	}
	for round := 1; ; round++ {
		done, err := p.once(ctx, f, path)
		if errors.Is(err, errChanged) { // what has arrived is of no use to anybody
			return Result{}, errors.Join(err, p.abandon(ctx, done))
		}
		if err == nil || round == rounds || !fault.Is(err, fault.Conflict) || done.ID.IsZero() {
			return Result{Upload: done}, err
		}
		if err := p.abandon(ctx, done); err != nil {
			return Result{}, err
		}
	}
}

// once makes one way through: find or begin the upload, send, complete, wait.
func (p *Pusher) once(ctx context.Context, f file, path string) (api.Upload, error) {
	u, err := p.resume(ctx, f, path)
	if err != nil {
		return u, err
	}
	p.Progress.Begin(path, f.size, u.Received)
	defer p.Progress.End()
	if u.Status == api.UploadOpen {
		return p.finish(ctx, f, u)
	}
	now, err := p.await(ctx, u)
	if err != nil {
		return now, err
	}
	return now, f.is(now.SHA256) // an earlier run completed it
}

// finish delivers and waits for the end. A server that lost its last moments takes the upload for open again: then it is delivered again.
func (p *Pusher) finish(ctx context.Context, f file, u api.Upload) (api.Upload, error) {
	for round := 1; ; round++ {
		if err := p.deliver(ctx, f, u); err != nil {
			return u, err
		}
		now, err := p.await(ctx, u)
		if err != nil || now.Status != api.UploadOpen {
			return now, err
		}
		if round == rounds {
			return now, fault.New(fault.Unavailable, "The server takes the upload for open again and again; run the command again later.")
		}
		p.Progress.Sent(now.Received - u.Size)
		u = now
	}
}

// is fails with Conflict if the file's bytes are others than those of the digest.
func (f file) is(want ref.Digest) error {
	sum, err := f.digest()
	if err == nil && sum != want {
		err = fault.New(fault.Conflict, "The file is another than the one of the same size that was pushed before.", fault.Field("FILE"))
	}
	return err
}

// deliver sends what is missing and completes. The store may turn out to have lost chunks; then they are sent again.
func (p *Pusher) deliver(ctx context.Context, f file, u api.Upload) error {
	digests := make([]ref.Digest, u.Count)
	for round := 1; ; round++ {
		if err := p.send(ctx, f, u, digests); err != nil {
			return err
		}
		if err := f.changed(); err != nil {
			return err
		}
		err := p.complete(ctx, u, digests)
		if !fault.Is(err, fault.Conflict) || round == rounds {
			return err
		}
		again, getErr := p.get(ctx, u)
		if getErr != nil {
			return getErr
		}
		if len(again.Missing) == 0 {
			return err // the digests differ: the file is another than the one that was begun
		}
		p.Progress.Sent(again.Received - u.Size) // the store has lost chunks
		u = again
	}
}

func (p *Pusher) complete(ctx context.Context, u api.Upload, digests []ref.Digest) error {
	return p.Client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: u.Address() + "/complete", In: map[string]any{"chunks": digests}, Repeat: true,
	}, nil)
}

func (p *Pusher) get(ctx context.Context, u api.Upload) (now api.Upload, err error) {
	err = p.Client.Do(ctx, client.Request{Method: http.MethodGet, Path: u.Address()}, &now)
	return now, err
}

// abandon cancels an upload that cannot be completed with this file.
func (p *Pusher) abandon(ctx context.Context, u api.Upload) error {
	if u.ID.IsZero() || u.Status != api.UploadOpen {
		return nil
	}
	err := p.Client.Do(ctx, client.Request{Method: http.MethodDelete, Path: u.Address()}, nil)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return nil // it has ended by itself
	}
	return err
}

// The pauses between two requests for an upload's status.
const (
	firstLook   = 50 * time.Millisecond
	longestLook = time.Second
)

// await waits until the upload is ready, or open again.
func (p *Pusher) await(ctx context.Context, u api.Upload) (api.Upload, error) {
	for pauses := (backoff.Backoff{First: firstLook, Longest: longestLook}); ; {
		now, err := p.get(ctx, u)
		if err != nil {
			return u, err
		}
		if now.Status == api.UploadReady {
			p.Progress.Phase(api.Done, 1)
			return now, nil
		}
		p.Progress.Phase(now.Phase, now.Progress)
		switch {
		case now.Status == api.UploadOpen:
			return now, nil
		case now.Status.Ended():
			return now, ended(now)
		}
		if err := pauses.Wait(ctx); err != nil {
			return now, err
		}
	}
}

func ended(u api.Upload) error {
	if u.Error != nil {
		return fault.New(fault.Unprocessable, fmt.Sprintf("%s was rejected: %s", u.Path, u.Error.Detail))
	}
	return fault.New(fault.Unprocessable, fmt.Sprintf("the upload of %s is %s", u.Path, u.Status))
}
