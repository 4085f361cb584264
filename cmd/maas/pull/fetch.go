package pull

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// Stream writes a file of a version to w as it comes. It fails with Unprocessable if the bytes have the wrong digest, which is known only when
// all are written, and with Invalid if w fails.
func (p *Puller) Stream(ctx context.Context, v api.Version, f api.File, w io.Writer) error {
	p.Progress.Begin(string(f.Path), f.Size, 0)
	defer p.Progress.End()
	sum := sha256.New()
	to := io.MultiWriter(stream{w}, sum)
	if _, err := p.Client.Download(ctx, maas.DownloadRequest{Version: v, File: f, Progress: p.Progress}, to); err != nil {
		return err
	}
	if ref.DigestOf(sum.Sum(nil)) != f.SHA256 {
		return damaged(f)
	}
	p.Progress.Phase(api.Done, 1)
	return nil
}

// disk says of a write that fails that this machine is at fault, not the server.
type disk struct {
	io.Writer

	file api.File
}

// Write implements io.Writer. It fails as local does.
func (d disk) Write(p []byte) (int, error) {
	n, err := d.Writer.Write(p)
	return n, local(d.file, err)
}

// stream is disk for what is written to a stream.
type stream struct{ io.Writer }

// Write implements io.Writer. It fails with Invalid.
func (s stream) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		err = fault.New(fault.Invalid, "The output cannot be written: "+err.Error(), fault.Cause(err))
	}
	return n, err
}
