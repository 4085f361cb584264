package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Completion is the answer to Complete: the upload as it stands, and where to look for it later.
type Completion struct {
	api.Upload

	waited time.Duration
}

// SetHeader sets Location to the upload's address. If the caller asked to wait it also sets Preference-Applied (RFC 7240, 3).
func (c Completion) SetHeader(h http.Header) {
	h.Set("Location", c.Address())
	if c.waited > 0 {
		h.Set("Preference-Applied", fmt.Sprintf("wait=%d", int(c.waited.Seconds())))
	}
}

// Complete hands an upload to its verification. It may be called again with the same chunks: then it tells how that stands.
//
// It fails with Conflict if chunks are missing, by our rows or by what the store really holds, or are others than the caller says; the error
// names them, and they can be sent. So it does for an upload that was completed with other chunks (field chunks), was cancelled or has expired.
func (t *Transfers) Complete(ctx context.Context, who auth.Principal, in api.CompleteRequest) (Completion, error) {
	if err := t.complete(ctx, who, in); err != nil {
		return Completion{}, err
	}
	stands, err := t.await(ctx, who, uuid.UUID(in.ID), in.Prefer.Wait)
	return Completion{stands, in.Prefer.Wait}, err
}

// completeTries bounds how often the store is asked again because chunks came or went meanwhile.
const completeTries = 3

// errOtherChunks says that the upload has other chunks by now than those that the store was asked for.
var errOtherChunks = errors.New("transfer: chunks came or went while the upload was completed")

// complete marks an upload as completed if the store holds all its chunks. It asks the store first, and then decides under the lock of the upload's row,
// since another call may have completed the upload meanwhile. It fails as decide does, and with Conflict if chunks are missing in the store or still come
// and go after three tries.
func (t *Transfers) complete(ctx context.Context, who auth.Principal, in api.CompleteRequest) error {
	if _, known, err := postgres.Replay[api.Upload](ctx, t.db, who.Tenant, who.Actor()); known || err != nil {
		return err
	}
	for range completeTries {
		seen, err := t.look(ctx, who, uuid.UUID(in.ID))
		if err != nil {
			return err
		}
		if len(seen.gone) > 0 {
			missing, err := t.forgetGone(ctx, who, in, seen.gone)
			if err != nil {
				return err
			}
			if missing {
				return incomplete(spansOf(seen.gone))
			}
			continue
		}
		_, err = postgres.Once(ctx, t.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Upload, error) {
			return t.decide(ctx, tx, who, in, seen)
		})
		if !errors.Is(err, errOtherChunks) {
			return err
		}
	}
	return fault.New(fault.Conflict, "Chunks are still being sent: complete the upload when they are stored.", fault.Field("chunks"))
}

// sight is what our rows and the store had of an upload at one time.
type sight struct {
	chunks []held // stored, by our rows
	gone   []held // those of them that the store does not hold
	lost   bool   // the store does not know the upload at all
}

// look returns which chunks our rows have of an upload and, while it is open, which of those the store does not hold. It fails with NotFound if there is no
// such upload.
func (t *Transfers) look(ctx context.Context, who auth.Principal, id uuid.UUID) (seen sight, err error) {
	var s session
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if s, err = find(ctx, tx, who, id); err != nil {
			return err
		}
		seen.chunks, err = chunksStored(ctx, tx, id)
		return err
	})
	if err != nil || s.Status != api.UploadOpen || len(seen.chunks) == 0 {
		return seen, err
	}
	_, seen.gone, err = t.reconcile(ctx, s.multipart, seen.chunks)
	if fault.Is(err, fault.NotFound) {
		seen.lost, err = true, nil
	}
	return seen, err
}

// forgetGone deletes the rows of chunks that the store does not hold, and reports whether they are missing. They are not if the upload is no longer open,
// since its verification removes the parts; then it deletes nothing.
func (t *Transfers) forgetGone(ctx context.Context, who auth.Principal, in api.CompleteRequest, gone []held) (missing bool, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		now, err := findLocked(ctx, tx, who, uuid.UUID(in.ID))
		if missing = err == nil && now.Status == api.UploadOpen; !missing {
			return err
		}
		return forget(ctx, tx, uuid.UUID(in.ID), gone)
	})
	return missing, err
}

// decide completes an open upload if all its chunks are in our rows, in the caller's list and in the store. Otherwise it fails as agree does, with
// errOtherChunks if our rows differ from seen, or with Conflict if the store has lost the upload. An upload that is not open is returned as it is, or fails
// as completedBefore does.
func (t *Transfers) decide(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.CompleteRequest, seen sight) (api.Upload, error) {
	now, err := findLocked(ctx, tx, who, uuid.UUID(in.ID))
	if err != nil {
		return api.Upload{}, err
	}
	if now.Status != api.UploadOpen {
		return now.Upload, now.completedBefore(ctx, tx, in.Chunks)
	}
	chunks, err := chunksStored(ctx, tx, uuid.UUID(in.ID))
	if err != nil {
		return api.Upload{}, err
	}
	if err := agree(now, in.Chunks, chunks); err != nil {
		return api.Upload{}, err
	}
	switch {
	case !slices.Equal(chunks, seen.chunks):
		return api.Upload{}, errOtherChunks
	case seen.lost: // while the upload was open, or it would not be now
		return api.Upload{}, lostByStore(nil)
	}
	if err := complete(ctx, tx, uuid.UUID(now.ID), chunks); err != nil {
		return api.Upload{}, err
	}
	if err := audit.Record(ctx, tx, who, completed, now.name()); err != nil {
		return api.Upload{}, err
	}
	return now.Upload, t.events.Emit(ctx, tx, event.UploadCompleted{Upload: now.ID})
}

// lostByStore returns the Conflict error of an open upload whose parts the store does not know. The upload's row is read after the store has said so: an
// upload that has ended, or that its verification works on, is unknown to the store too.
func lostByStore(cause error) error {
	return fault.New(fault.Conflict, "The object store has lost this upload: cancel it and begin another.", fault.Cause(cause))
}

// completedBefore fails with Conflict unless the upload was completed with the digests said. It accepts any digests for an upload that an earlier release
// completed. The transaction has locked the upload's row.
func (s session) completedBefore(ctx context.Context, tx postgres.Tx, said []ref.Digest) error {
	if s.Status == api.UploadCancelled || s.Status == api.UploadExpired {
		return fault.New(fault.Conflict, fmt.Sprintf("The upload is %s and cannot be completed.", s.Status))
	}
	chunks, err := completedWith(ctx, tx, uuid.UUID(s.ID))
	if err != nil || len(chunks) == 0 || slices.Equal(chunks, said) {
		return err
	}
	if len(chunks) != len(said) {
		return fault.New(fault.Conflict, fmt.Sprintf("The upload was completed with %d chunks; %d digests are given.", len(chunks), len(said)),
			fault.Field("chunks"))
	}
	return fault.New(fault.Conflict, "The upload was completed with chunks of other digests; begin another upload for other bytes.", fault.Field("chunks"))
}

// agree fails with Invalid if the caller sent another number of digests than the upload has chunks, and with Conflict
// if chunks are missing or have other digests.
func agree(s session, said []ref.Digest, chunks []held) error {
	if len(said) != s.Count {
		return fault.New(fault.Invalid, fmt.Sprintf("The upload has %d chunks; %d digests are given.", s.Count, len(said)), fault.Field("chunks"))
	}
	if len(chunks) < s.Count {
		return incomplete(missing(indexesOf(chunks), s.Count))
	}
	for _, chunk := range chunks {
		if said[chunk.index] != chunk.SHA256 {
			return fault.New(fault.Conflict, fmt.Sprintf("Chunk %d is stored with the digest %s.", chunk.index, chunk.SHA256),
				fault.Field(fmt.Sprintf("chunks[%d]", chunk.index)))
		}
	}
	return nil
}

// indexesOf returns the indexes of the chunks, in their order.
func indexesOf(chunks []held) []int {
	indexes := make([]int, len(chunks))
	for i, chunk := range chunks {
		indexes[i] = chunk.index
	}
	return indexes
}

// reconcile splits the chunks of our rows: parts are those that the store holds, with the store's ETags, and gone those that it does not hold or holds with
// another size or digest. It fails with NotFound if the store knows nothing of the upload, as after its end.
func (t *Transfers) reconcile(ctx context.Context, m objects.Multipart, chunks []held) (parts []objects.Part, gone []held, err error) {
	listed, err := t.store.ListParts(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	there := make(map[int32]objects.Part, len(listed))
	for _, p := range listed {
		there[p.Number] = p
	}
	for _, chunk := range chunks {
		p, ok := there[chunk.Number]
		if !ok || p.Size != chunk.Size || !p.SHA256.IsZero() && p.SHA256 != chunk.SHA256 {
			gone = append(gone, chunk)
			continue
		}
		chunk.ETag = p.ETag // another than ours where the same bytes were written twice and the store encrypts them
		parts = append(parts, chunk.Part)
	}
	return parts, gone, nil
}

// spansOf returns the indexes of the chunks, which are in order, as ranges.
func spansOf(gone []held) []api.ChunkRange {
	var spans []api.ChunkRange
	for _, h := range gone {
		if last := len(spans) - 1; last >= 0 && spans[last][1] == h.index-1 {
			spans[last][1] = h.index
			continue
		}
		spans = append(spans, api.ChunkRange{h.index, h.index})
	}
	return spans
}

// incomplete returns the Conflict error of missing chunks. It names the first hundred spans; the upload lists all.
func incomplete(spans []api.ChunkRange) error {
	const most = 100
	count := 0
	fields := make([]fault.FieldError, 0, min(len(spans), most))
	for _, span := range spans {
		count += span[1] - span[0] + 1
		if len(fields) < most {
			fields = append(fields, fault.FieldError{Field: "missing", Detail: fmt.Sprintf("%d-%d", span[0], span[1])})
		}
	}
	return fault.New(fault.Conflict, fmt.Sprintf("%d chunks are missing; send them and complete again.", count), fault.Fields(fields...))
}
