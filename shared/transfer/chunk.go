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

// Receive streams a chunk into the store, and returns once the store holds exactly the bytes that c.SHA256 says, whatever other writers of the chunk do. It
// does not read a chunk that is stored already, also after the upload was completed.
//
// Writers of different bytes do not wait for each other: the first whose bytes are all there wins (ADR 25). Receive fails with NotFound if there is no such
// upload, with Conflict if other bytes have the index or the upload takes none any more, with Unprocessable if the bytes do not have the digest, and with
// Invalid if the index or their number is wrong. After Unavailable or Canceled nothing is known of what was sent: the chunk may be sent again.
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

// admit returns the upload if it wants the chunk. It fails with NotFound if there is no such upload, with errStored if it has the chunk, and otherwise as
// takes does.
func (t *Transfers) admit(ctx context.Context, who auth.Principal, c Chunk) (s session, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if s, err = find(ctx, tx, who, c.Upload); err != nil {
			return err
		}
		return s.takes(ctx, tx, c)
	})
	return s, err
}

// takes fails unless the upload is open and wants the chunk: with Invalid for a wrong index or size, with errStored if the upload has the chunk, and with
// Conflict if it has other bytes under the index, has expired or has ended.
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

// storedAs returns the digest of the chunk that is stored under an index. It returns zero if there is none, if the upload ended without a file, and if an
// earlier release, which kept no digests, completed it.
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

// send streams the body to the store and records the chunk as stored. It stops, and fails as admit does, once the chunk is no longer wanted. It fails with
// lost() if it loses the chunk's place, and with the store's error.
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

// watch cancels the sending of a chunk that is no longer needed: another writer has stored it, or the upload has ended. cancel is given the reason. The
// caller calls stop, which waits until the watching has ended.
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

// claim acquires the lease of the chunk's place, and renews it until the returned function is called. It waits while a writer of other bytes has the lease,
// which is as long as the store needs for that writer's last bytes. It fails as tryClaim does, and with ctx's cause. If the lease is lost later, cancel is
// given the error.
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

// tryClaim acquires the lease of the chunk's place and sets c.generation. taken is false while a writer of other bytes has the lease. It fails as admit
// does.
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

// settle records that the store holds the chunk, also if ctx has ended. It fails with lost() if other writers have the place by now, and otherwise as takes
// does. If the upload was cancelled or has expired meanwhile, its parts are dropped once more, since a store may keep what arrived with the first Abort.
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

// refused returns the error of a chunk that was not stored: cause, or if the store does not know the upload, why that is so. If the store has certainly
// stored nothing the chunk's place is released. Otherwise it stays leased until the lease expires, because the store may still store what it was sent; a
// writer of the same bytes does not wait for that.
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

// answer returns the answer to a chunk that is stored, with the number of bytes that the upload has in all.
func (t *Transfers) answer(ctx context.Context, who auth.Principal, c Chunk) (api.ReceivedChunk, error) {
	answer := api.ReceivedChunk{Index: c.Index, Size: c.Size, SHA256: c.SHA256}
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		now, err := read(ctx, tx, c.Upload)
		answer.Received = now.Received
		return err
	})
	return answer, err
}
