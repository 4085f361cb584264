package pull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/client"
	"github.com/17882237881/MaaS/cmd/maas/push"
)

// Stream writes a file of a version to w as it comes. Whether the bytes were right is known only at their end: it fails with Unprocessable if
// they were not.
func (p *Puller) Stream(ctx context.Context, v api.Version, f api.File, w io.Writer) error {
	p.Progress.Begin(string(f.Path), f.Size, 0)
	defer p.Progress.End()
	sum := sha256.New()
	if _, err := p.rest(ctx, v, f, 0, io.MultiWriter(stream{w}, sum)); err != nil {
		return err
	}
	if ref.DigestOf(sum.Sum(nil)) != f.SHA256 {
		return damaged(f)
	}
	p.Progress.Phase(api.Done, 1)
	return nil
}

// tries bounds how often a transfer that breaks off is continued.
const tries = 5

// rest fetches a file from a byte on, and gives how much of it there is then.
func (p *Puller) rest(ctx context.Context, v api.Version, f api.File, have int64, to io.Writer) (int64, error) {
	to = io.MultiWriter(to, told{p.Progress})
	for try := 1; have < f.Size; try++ {
		n, err := p.piece(ctx, v, f, have, to)
		have += n
		if err != nil && (try == tries || !fault.Is(err, fault.Unavailable)) {
			return have, err
		}
	}
	return have, nil
}

// piece fetches what one answer gives of a file from a byte on.
func (p *Puller) piece(ctx context.Context, v api.Version, f api.File, from int64, to io.Writer) (int64, error) {
	answer, err := p.Client.Raw(ctx, client.Request{
		Method: http.MethodGet, Path: address(v, f), Header: map[string]string{"Range": fmt.Sprintf("bytes=%d-", from)},
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	var n int64
	if answer.StatusCode != http.StatusPartialContent { // the whole file
		_, err = io.CopyN(io.Discard, answer.Body, from)
	}
	if err == nil {
		n, err = io.Copy(to, io.LimitReader(answer.Body, f.Size-from))
	}
	switch {
	case ctx.Err() != nil:
		return n, ctx.Err()
	case errors.As(err, new(*fault.Error)):
		return n, err
	case err != nil || n < f.Size-from:
		return n, fault.New(fault.Unavailable, "The transfer of "+string(f.Path)+" broke off.", fault.Cause(err))
	default:
		return n, nil
	}
}

func address(v api.Version, f api.File) string {
	parts := strings.Split(string(f.Path), "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "/v1/models/" + v.Model.String() + "/versions/" + v.Version.String() + "/files/" + strings.Join(parts, "/")
}

// told tells of bytes that have come.
type told struct{ progress push.Progress }

// Write implements io.Writer.
func (t told) Write(p []byte) (int, error) {
	t.progress.Sent(int64(len(p)))
	return len(p), nil
}

// disk says of a write that fails that this machine is at fault, not the server.
type disk struct {
	io.Writer

	file api.File
}

// Write implements io.Writer.
func (d disk) Write(p []byte) (int, error) {
	n, err := d.Writer.Write(p)
	return n, local(d.file, err)
}

// stream is disk for what is written to a stream.
type stream struct{ io.Writer }

// Write implements io.Writer.
func (s stream) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		err = fault.New(fault.Invalid, "The output cannot be written: "+err.Error(), fault.Cause(err))
	}
	return n, err
}
