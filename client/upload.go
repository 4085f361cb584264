package maas

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// Progress is told how a file gets on. Its methods are called from several goroutines.
type Progress interface {
	// Begin names the file, its size and how much of it is there already, in bytes.
	Begin(file string, size, there int64)
	// Sent reports that n more bytes were transferred. It is called with a negative n when bytes have to be transferred again.
	Sent(n int64)
	// Phase says what the server does with the file, and how far it is, 0 to 1.
	Phase(name api.UploadPhase, done float64)
	// End is called once for each Begin.
	End()
}

// NoProgress is a Progress that tells nobody.
type NoProgress struct{}

// Begin implements Progress.
func (NoProgress) Begin(string, int64, int64) {}

// Sent implements Progress.
func (NoProgress) Sent(int64) {}

// Phase implements Progress.
func (NoProgress) Phase(api.UploadPhase, float64) {}

// End implements Progress.
func (NoProgress) End() {}

// UploadRequest is a file to upload into a draft version, which is made if need be.
type UploadRequest struct {
	Model   ref.Model
	Version ref.Version
	Path    ref.Path    // of the file in the version
	Size    int64       // bytes, 1 or more
	Content io.ReaderAt // read twice, several parts at a time

	Check    func() error // fails if Content is not any more what it was; nil if it cannot change. It is called before the upload is completed.
	Parallel int          // chunks that are sent at a time; 0 stands for 4
	Progress Progress     // nil for nobody
}

const defaultParallel = 4

// Upload uploads a file: it begins an upload, or finds the one of the same path and size that an earlier call left, sends the chunks that the server does
// not have, and returns when the file belongs to the draft. It fails with Unprocessable if the server rejects the file, with the error of Content or Check
// if one fails, and with Conflict if an upload of the same path and size has other bytes and does not give way. If Check fails the upload is cancelled; after
// any other failure the next call goes on from what has arrived.
func (c *Client) Upload(ctx context.Context, in UploadRequest) (api.Upload, error) {
	if in.Progress == nil {
		in.Progress = NoProgress{}
	}
	if in.Parallel == 0 {
		in.Parallel = defaultParallel
	}
	if in.Check == nil {
		in.Check = func() error { return nil }
	}
	u := &upload{UploadRequest: in, client: c}
	for round := 1; ; round++ {
		done, err := u.once(ctx)
		if err != nil && u.changed.Load() { // what has arrived is of no use to anybody
			return api.Upload{}, errors.Join(err, u.abandon(ctx, done))
		}
		if err == nil || round == rounds || !fault.Is(err, fault.Conflict) || done.ID.IsZero() {
			return done, err
		}
		if err := u.abandon(ctx, done); err != nil {
			return api.Upload{}, err
		}
	}
}

// rounds bounds how often an upload is begun anew because the content or the server's copy is another than when it was begun.
const rounds = 3

// upload is a file on its way.
type upload struct {
	UploadRequest

	client  *Client
	changed atomic.Bool // the content is not any more what it was
}

// once finds or begins the upload, sends its chunks, completes it and waits until it is ready. With an error it returns the upload as far as it is known.
func (u *upload) once(ctx context.Context) (api.Upload, error) {
	found, err := u.begin(ctx)
	if err == nil {
		err = u.checkLayout(found)
	}
	if err != nil {
		return found, err
	}
	u.Progress.Begin(string(u.Path), u.Size, found.Received)
	defer u.Progress.End()
	if found.Status == api.UploadOpen {
		return u.finish(ctx, found)
	}
	now, err := u.await(ctx, found)
	if err != nil {
		return now, err
	}
	return now, u.checkDigest(ctx, now.SHA256) // an earlier call completed it
}

// begin finds the upload of the same path and size that has not ended, or begins one.
func (u *upload) begin(ctx context.Context) (api.Upload, error) {
	under := api.ListUploadsRequest{
		Request: page.Request{Size: page.MaxSize}, Status: []api.UploadStatus{api.UploadOpen, api.UploadCompleting, api.UploadVerifying},
	}
	for found, err := range u.client.Uploads(ctx, under) {
		if err != nil {
			return found, err
		}
		if found.Model == u.Model && found.Version.Compare(u.Version) == 0 && found.Path == u.Path && found.Size == u.Size {
			return found, nil
		}
	}
	return u.client.CreateUpload(ctx, api.CreateUploadRequest{Model: u.Model, Version: u.Version, Filename: u.Path, Path: u.Path, Size: u.Size})
}

// checkLayout fails with Upstream if the server cuts the file into chunks that do not make it up.
func (u *upload) checkLayout(open api.Upload) error {
	layout := open.Layout()
	fits := open.Size == u.Size && open.Chunk > 0 && open.First > 0 && open.Count > 0 && int64(open.Count) <= u.Size &&
		layout.Offset(open.Count) == u.Size && layout.Offset(open.Count-1) < u.Size
	for _, span := range open.Missing {
		fits = fits && span[0] >= 0 && span[0] <= span[1] && span[1] < open.Count
	}
	if !fits {
		return fault.New(fault.Upstream, "The server's answer has chunks that do not make up the file: is "+u.client.server+" a MaaS server?")
	}
	return nil
}

// finish delivers the upload and waits until it is ready. A server that lost its last moments takes the upload for open again: then it is delivered again,
// three times in all. After that it fails with Unavailable.
func (u *upload) finish(ctx context.Context, open api.Upload) (api.Upload, error) {
	for round := 1; ; round++ {
		if err := u.deliver(ctx, open); err != nil {
			return open, err
		}
		now, err := u.await(ctx, open)
		if err != nil || now.Status != api.UploadOpen {
			return now, err
		}
		if round == rounds {
			return now, fault.New(fault.Unavailable, "The server takes the upload for open again and again; try again later.")
		}
		u.Progress.Sent(now.Received - u.Size)
		open = now
	}
}

// checkDigest fails with Conflict if the digest of the content is not want.
func (u *upload) checkDigest(ctx context.Context, want ref.Digest) error {
	sum, err := u.digest(ctx, 0, u.Size)
	if err == nil && sum != want {
		err = fault.New(fault.Conflict, "The file is another than the one of the same size that was pushed before.")
	}
	return err
}

// deliver sends the missing chunks and completes the upload. If the store turns out to have lost chunks they are sent again, three times in all. It fails
// with Conflict if the server has chunks of other digests, and with the error of Content or Check.
func (u *upload) deliver(ctx context.Context, open api.Upload) error {
	digests := make([]ref.Digest, open.Count)
	for round := 1; ; round++ {
		if err := u.send(ctx, open, digests); err != nil {
			return err
		}
		if err := u.check(); err != nil {
			return err
		}
		_, err := u.client.CompleteUpload(ctx, api.CompleteRequest{ID: open.ID, Chunks: digests})
		if !fault.Is(err, fault.Conflict) || round == rounds {
			return err
		}
		again, getErr := u.client.GetUpload(ctx, api.GetUploadRequest{ID: open.ID})
		if getErr != nil {
			return getErr
		}
		if len(again.Missing) == 0 {
			return err // the digests differ: the content is another than the one that was begun
		}
		u.Progress.Sent(again.Received - u.Size) // the store has lost chunks
		open = again
	}
}

// abandon cancels an upload that cannot be completed with this content. It does nothing if the upload is not open, or is gone.
func (u *upload) abandon(ctx context.Context, open api.Upload) error {
	if open.ID.IsZero() || open.Status != api.UploadOpen {
		return nil
	}
	err := u.client.CancelUpload(ctx, api.CancelUploadRequest{ID: open.ID})
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

// await waits until the upload is ready, or open again. It fails with Unprocessable if the upload ends in another way.
func (u *upload) await(ctx context.Context, under api.Upload) (api.Upload, error) {
	for pauses := (backoff.Backoff{First: firstLook, Longest: longestLook}); ; {
		now, err := u.client.GetUpload(ctx, api.GetUploadRequest{ID: under.ID})
		if err != nil {
			return under, err
		}
		if now.Status == api.UploadReady {
			u.Progress.Phase(api.Done, 1)
			return now, nil
		}
		u.Progress.Phase(now.Phase, now.Progress)
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

// ended returns the Unprocessable error of an upload that was rejected, cancelled or has expired.
func ended(u api.Upload) error {
	if u.Error != nil {
		return fault.New(fault.Unprocessable, fmt.Sprintf("%s was rejected: %s", u.Path, u.Error.Detail))
	}
	return fault.New(fault.Unprocessable, fmt.Sprintf("the upload of %s is %s", u.Path, u.Status))
}

// send sends the chunks that are missing, Parallel at a time, and fills in the digests of all. A chunk is read twice, once for its digest and once for the
// way: nothing of it is kept in memory. The first failure ends the others.
func (u *upload) send(ctx context.Context, open api.Upload, digests []ref.Digest) error {
	layout := open.Layout()
	missing := make([]bool, open.Count)
	for _, span := range open.Missing {
		for n := span[0]; n <= span[1]; n++ {
			missing[n] = true
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	slots := make(chan struct{}, max(u.Parallel, 1))
	for n := range open.Count {
		if !missing[n] && !digests[n].IsZero() {
			continue
		}
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			at, size := layout.Offset(n), layout.SizeOf(n)
			sum, err := u.digest(ctx, at, size)
			if err == nil && missing[n] {
				err = u.chunk(ctx, open.ID, n, at, size, sum)
			}
			digests[n] = sum
			if err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// damaged bounds how often a chunk that arrived with other bytes is sent again.
const damaged = 3

// chunk sends chunk n, whose bytes lie at an offset of the content, up to three times if it arrives damaged. It fails with Unprocessable if the content has
// changed.
func (u *upload) chunk(ctx context.Context, id api.ID, n int, at, size int64, sum ref.Digest) error {
	for try := 1; ; try++ {
		err := u.put(ctx, id, n, at, size, sum)
		if !fault.Is(err, fault.Unprocessable) || u.changed.Load() || try == damaged {
			return err
		}
		again, err := u.digest(ctx, at, size)
		if err == nil && again != sum {
			if err = u.check(); err == nil {
				u.changed.Store(true)
				err = fault.New(fault.Unprocessable, "The file was written to while it was pushed. Push it when it no longer changes.")
			}
		}
		if err != nil {
			return err
		}
	}
}

// put sends chunk n, the size bytes at offset at, and retries it. If it fails, Progress is set back by what was sent of
// it.
func (u *upload) put(ctx context.Context, id api.ID, n int, at, size int64, sum ref.Digest) error {
	var bodies []*counter
	err := u.client.SendChunk(ctx, id, n, size, sum, func() io.Reader {
		for _, body := range bodies {
			body.undo()
		}
		body := &counter{Reader: u.read(ctx, at, size), sent: u.Progress.Sent}
		bodies = append(bodies, body)
		return body
	})
	for i, body := range bodies {
		if err == nil && i == len(bodies)-1 {
			body.end(size)
			break
		}
		body.undo()
	}
	return err
}

// digest returns the SHA-256 of n bytes of the content from an offset on. It fails with the error of Content or Check, or ctx's.
func (u *upload) digest(ctx context.Context, at, n int64) (ref.Digest, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, u.read(ctx, at, n)); err != nil {
		return ref.Digest{}, err
	}
	return ref.DigestOf(sum.Sum(nil)), nil
}

// check fails with the error of Check if the content is not any more what it was, and remembers that it has changed.
func (u *upload) check() error {
	err := u.Check()
	if err != nil {
		u.changed.Store(true)
	}
	return err
}

// read returns a reader of n bytes of the content from an offset on. It fails once ctx has ended.
func (u *upload) read(ctx context.Context, at, n int64) io.Reader {
	return &contentReader{Reader: io.NewSectionReader(u.Content, at, n), of: u, ctx: ctx, left: n}
}

type contentReader struct {
	io.Reader

	of   *upload
	ctx  context.Context //nolint:containedctx // of the reads
	left int64
}

// Read implements io.Reader. If the content fails or ends early, and has changed, it fails with the error of Check.
func (r *contentReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(p)
	r.left -= int64(n)
	if err == nil || errors.Is(err, io.EOF) && r.left == 0 {
		return n, err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if changed := r.of.check(); changed != nil {
		err = changed
	}
	return n, err
}
