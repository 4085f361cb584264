package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Chunk names bytes that are about to be sent.
type Chunk struct {
	Upload uuid.UUID
	Index  int
	Size   int64
	SHA256 ref.Digest
}

// settling bounds what is recorded after the client has gone or the bytes have been refused.
const settling = 5 * time.Second

// errStored says that the store holds the chunk already, with this digest: nothing is to be written.
var errStored = errors.New("transfer: the chunk is stored")

// Receive streams a chunk into the store. It answers only once the store holds exactly the bytes that c.SHA256 says, also if other writers
// of the same chunk come, go and die. A chunk that is stored already is not read, also after the upload was completed.
//
// Writers of different bytes do not wait for each other: the first whose bytes are all there wins (ADR 25). Receive fails with Conflict if
// other bytes have the index or the upload takes none any more, with Unprocessable if the bytes do not have the digest, with Invalid if
// their number is wrong, and with Unavailable or Canceled when nothing is known of what was sent: then the chunk may be sent again.
func (t *Transfers) Receive(ctx context.Context, who auth.Principal, c Chunk, body io.Reader) (api.ReceivedChunk, error) {
	s, err := t.admit(ctx, who, c)
	if err == nil {
		err = t.send(ctx, who, c, s.multipart, body)
	}
	if err != nil && !errors.Is(err, errStored) {
		return api.ReceivedChunk{}, err
	}
	return t.answer(ctx, who, c)
}

// admit returns the upload if it wants the chunk. It fails with errStored if it has the chunk.
func (t *Transfers) admit(ctx context.Context, who auth.Principal, c Chunk) (s session, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if s, err = find(ctx, tx, who, c.Upload); err != nil {
			return err
		}
		return s.takes(ctx, tx, c)
	})
	return s, err
}

// takes fails unless the upload is open and wants the chunk: with errStored if it has the chunk, and with Conflict if it has other bytes in its
// place.
func (s session) takes(ctx context.Context, tx postgres.Tx, c Chunk) error {
	switch {
	case c.Index < 0 || c.Index >= s.Count:
		return fault.New(fault.Invalid, fmt.Sprintf("The upload has %d chunks, counted from 0; there is no chunk %d.", s.Count, c.Index), fault.Field("n"))
	case c.Size != s.Layout().SizeOf(c.Index):
		return fault.New(fault.Invalid, fmt.Sprintf("Chunk %d has %d bytes, not %d.", c.Index, s.Layout().SizeOf(c.Index), c.Size),
			fault.Field("Content-Length"))
	case s.Status == api.UploadOpen && time.Now().After(s.Expires):
		return fault.New(fault.Conflict, "The upload has expired and takes no chunks.")
	}
	stored, err := s.storedAs(ctx, tx, c.Index)
	switch {
	case err != nil:
		return err
	case stored == c.SHA256:
		return errStored
	case !stored.IsZero():
		return fault.New(fault.Conflict, fmt.Sprintf("Chunk %d is stored with the digest %s.", c.Index, stored), fault.Field("sha256"))
	case s.Status != api.UploadOpen:
		return fault.New(fault.Conflict, fmt.Sprintf("The upload is %s and takes no chunks.", s.Status))
	default:
		return nil
	}
}

// storedAs returns the digest of the chunk that the upload has under an index; none if it has none, or was ended without a file.
func (s session) storedAs(ctx context.Context, tx postgres.Tx, index int) (ref.Digest, error) {
	switch s.Status {
	case api.UploadOpen:
		return storedDigest(ctx, tx, uuid.UUID(s.ID), index)
	case api.UploadCompleting, api.UploadVerifying, api.UploadReady:
		return completedDigest(ctx, tx, uuid.UUID(s.ID), index)
	default:
		return ref.Digest{}, nil
	}
}

// send streams the body to the store and records the chunk as stored.
func (t *Transfers) send(parent context.Context, who auth.Principal, c Chunk, m objects.Multipart, body io.Reader) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	claimed := claim{Chunk: c}
	g := &gate{from: body, left: c.Size, open: func() (*lease, func(), error) { return t.claim(ctx, cancel, who, &claimed) }}
	unwatch := t.watch(ctx, cancel, who, c)
	part := objects.Part{Number: int32(c.Index) + 1, Size: c.Size, SHA256: c.SHA256} //nolint:gosec // at most Profile.MaxParts
	part, err := t.store.PutPart(ctx, m, part, g)
	unwatch()
	if cause := context.Cause(ctx); err != nil && cause != nil && parent.Err() == nil {
		err = cause // of ours: the chunk is not wanted any more, or the lease is lost
	}
	cancel(nil)
	opened := g.shut()
	if err != nil {
		return t.refused(parent, who, claimed, opened, err)
	}
	return t.settle(parent, who, claimed, m, part.ETag)
}

// watch cancels the sending of a chunk that is no longer needed: another writer was faster, or the upload has ended.
// The caller calls stop.
func (t *Transfers) watch(ctx context.Context, cancel context.CancelCauseFunc, who auth.Principal, c Chunk) (stop func()) {
	ctx, done := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { // ends by stop
		tick := time.NewTicker(t.limits.ChunkLease / renewals)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			_, err := t.admit(ctx, who, c)
			if errors.Is(err, errStored) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
				cancel(err)
				return
			}
		}
	})
	return func() { done(); watching.Wait() }
}

// claim acquires the lease of the chunk's place once all its bytes are there. It waits while another writer has the
// lease, which is as long as the store needs for that writer's last bytes. If the lease is lost later, ctx is canceled.
func (t *Transfers) claim(ctx context.Context, cancel context.CancelCauseFunc, who auth.Principal, c *claim) (*lease, func(), error) {
	for pauses := (backoff.Backoff{First: 20 * time.Millisecond, Longest: time.Second}); ; {
		asked := time.Now()
		taken, err := t.tryClaim(ctx, who, c)
		if err != nil {
			return nil, nil, err
		}
		if taken {
			kept, l, stop := keep(ctx, t.limits.ChunkLease, asked, func(ctx context.Context) error {
				return t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error { return renewPlace(ctx, tx, *c, t.limits.ChunkLease) })
			})
			context.AfterFunc(kept, func() { cancel(context.Cause(kept)) })
			return l, stop, nil
		}
		if pauses.Wait(ctx) != nil {
			return nil, nil, context.Cause(ctx)
		}
	}
}

func (t *Transfers) tryClaim(ctx context.Context, who auth.Principal, c *claim) (taken bool, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if err := lockUploadShared(ctx, tx, c.Upload); err != nil {
			return err
		}
		s, err := find(ctx, tx, who, c.Upload)
		if err != nil {
			return err
		}
		if err := s.takes(ctx, tx, c.Chunk); err != nil {
			return err
		}
		c.generation, taken, err = takePlace(ctx, tx, c.Chunk, t.limits.ChunkLease)
		return err
	})
	return taken, err
}

// settle records that the store holds the chunk, also if the client has gone since: then it finds it so when it comes again. Parts of an upload
// that was given up while they were stored are dropped once more, since a store may keep what arrived with the first Abort.
func (t *Transfers) settle(ctx context.Context, who auth.Principal, c claim, m objects.Multipart, etag string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	var s session
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		if err := lockUploadShared(ctx, tx, c.Upload); err != nil {
			return err
		}
		if s, err = read(ctx, tx, c.Upload); err != nil {
			return err
		}
		if s.Status == api.UploadOpen {
			if settled, err := settlePlace(ctx, tx, c, etag); settled || err != nil {
				return err
			}
		}
		if err := s.takes(ctx, tx, c.Chunk); err != nil {
			return err
		}
		return lost()
	})
	if s.Status == api.UploadCancelled || s.Status == api.UploadExpired {
		t.discard(ctx, m)
	}
	return err
}

// refused releases the place if the store has certainly stored nothing. Otherwise the place stays leased until the
// lease expires, because the store may still store what it was sent; a writer of the same bytes does not wait for that.
func (t *Transfers) refused(ctx context.Context, who auth.Principal, c claim, opened bool, cause error) error {
	switch kind := fault.KindOf(cause); {
	case kind == fault.NotFound: // the store does not know the upload
		if _, err := t.admit(ctx, who, c.Chunk); err != nil {
			return err
		}
		return lostByStore(cause)
	case !opened, kind != fault.Unprocessable && kind != fault.Invalid && kind != fault.TooLarge:
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error { return leavePlace(ctx, tx, c) }); err != nil {
		t.log.WarnContext(ctx, "a chunk's place stays claimed until its lease is over", "upload", c.Upload, "index", c.Index, "error", err)
	}
	return cause
}

func (t *Transfers) answer(ctx context.Context, who auth.Principal, c Chunk) (api.ReceivedChunk, error) {
	answer := api.ReceivedChunk{Index: c.Index, Size: c.Size, SHA256: c.SHA256}
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		now, err := read(ctx, tx, c.Upload)
		answer.Received = now.Received
		return err
	})
	return answer, err
}
