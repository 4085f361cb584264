// Package push brings files into a draft version: it splits a file into chunks, sends those that the server does not have, several at a
// time, and waits until the file is verified. Run again, it goes on where the last run was cut off.
package push

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// Pusher pushes to one version.
type Pusher struct {
	Client   *maas.Client
	Model    ref.Model
	Version  ref.Version
	Parallel int // chunks on the way at once
	Progress maas.Progress
}

// Result is what became of a file.
type Result struct {
	api.Upload

	Unchanged bool `json:"unchanged"` // the version held the same file already
}

// File pushes a file. A file that the server rejects is Unprocessable, with its reason.
func (p *Pusher) File(ctx context.Context, item Item) (Result, error) {
	if _, err := ref.ParsePath(string(item.Path)); err != nil {
		return Result{}, err
	}
	f, err := item.open()
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = f.Close() }() // only read from
	return p.push(ctx, f, string(item.Path))
}

// Spooled pushes a stream that Keep has kept under the path in the version, as File does.
func (p *Pusher) Spooled(ctx context.Context, s *Spool, path string) (Result, error) {
	return p.push(ctx, s.file, path)
}

// push uploads a file under the path, unless the version has this very file there already, and waits until it is verified.
func (p *Pusher) push(ctx context.Context, f file, path string) (Result, error) {
	if held, ok, err := p.unchanged(ctx, f, path); err != nil || ok {
		return Result{Upload: held, Unchanged: ok}, err
	}
	done, err := p.Client.Upload(ctx, maas.UploadRequest{
		Model: p.Model, Version: p.Version, Path: ref.Path(path), Size: f.size, Content: f, Check: f.changed, Parallel: p.Parallel, Progress: p.Progress,
	})
	return Result{Upload: done}, err
}
