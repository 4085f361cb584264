package maas

import (
	"context"
	"fmt"
	"io"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// DownloadRequest is a file of a version to download.
type DownloadRequest struct {
	Version  api.Version
	File     api.File
	From     int64    // the offset to begin at, in bytes
	Progress Progress // nil for nobody; only Sent is called
}

// downloadTries bounds how often in succession a transfer breaks off before a byte has come.
const downloadTries = 5

// Download writes a file's bytes to w as they come, and returns how many. A transfer that breaks off is continued where it broke off. The bytes are not
// compared with the file's digest. It fails with Unavailable if five transfers in succession break off without a byte, with w's error, and as OpenFile
// does.
func (c *Client) Download(ctx context.Context, in DownloadRequest, w io.Writer) (int64, error) {
	if in.Progress == nil {
		in.Progress = NoProgress{}
	}
	begun, pauses := in.From, backoff.Backoff{First: firstPause, Longest: longestPause}
	for try := 1; in.From < in.File.Size; try++ {
		n, err := c.downloadOnce(ctx, in, w)
		in.From += n
		if n > 0 {
			try = 0
			pauses.Reset()
		}
		if err != nil && (try == downloadTries || !fault.Is(err, fault.Unavailable)) {
			return in.From - begun, err
		}
		if err != nil {
			if err := pauses.Wait(ctx); err != nil {
				return in.From - begun, err
			}
		}
	}
	return in.From - begun, nil
}

// downloadOnce writes the bytes of one answer to w, from in.From on, and returns how many. It fails with Unavailable if the answer ends too early, with w's
// error, and as OpenFile does.
func (c *Client) downloadOnce(ctx context.Context, in DownloadRequest, w io.Writer) (int64, error) {
	body, err := c.OpenFile(ctx, api.FileRequest{Model: in.Version.Model, Ref: ref.Exact(in.Version.Version), Path: in.File.Path}, in.From)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	left := in.File.Size - in.From
	to := &written{w: w, progress: in.Progress}
	n, err := io.Copy(to, io.LimitReader(body, left))
	switch {
	case ctx.Err() != nil:
		return n, ctx.Err()
	case to.err != nil:
		return n, to.err
	case err != nil || n < left:
		return n, fault.New(fault.Unavailable, fmt.Sprintf("The transfer of %s broke off.", in.File.Path), fault.Cause(err))
	default:
		return n, nil
	}
}

// written tells of bytes that were written, and remembers why no more could be.
type written struct {
	w        io.Writer
	progress Progress
	err      error
}

// Write implements io.Writer.
func (t *written) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.progress.Sent(int64(n))
	t.err = err
	return n, err
}
