package transfer

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/event"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/ref"
)

// Complete says that all chunks are sent, and which.
type Complete struct {
	ID     uuid.UUID    `path:"id"`
	Prefer Preference   `header:"Prefer"`
	Chunks []ref.Digest `json:"chunks"` // in their order
}

// Completion is the answer to Complete: the upload as it stands, and where to look for it later.
type Completion struct {
	Upload

	waited time.Duration
}

// SetHeader names the upload's address, and the preference that was followed (RFC 7240, 3).
func (c Completion) SetHeader(h http.Header) {
	h.Set("Location", c.Address())
	if c.waited > 0 {
		h.Set("Preference-Applied", fmt.Sprintf("wait=%d", int(c.waited.Seconds())))
	}
}

// Complete hands an upload to its verification. It may be called again: then it tells how that stands.
//
// It fails with Conflict if chunks are missing, by our rows or by what the store really holds, or are others than the caller says; the error
// names them, and they can be sent. So it does for an upload that was cancelled or has expired.
func (t *Transfers) Complete(ctx context.Context, who auth.Principal, in Complete) (Completion, error) {
	s, chunks, err := t.snapshot(ctx, who, in.ID)
	if err != nil {
		return Completion{}, err
	}
	if s.Status == StatusOpen {
		err = t.finish(ctx, who, in, s, chunks)
	} else {
		err = s.completedBefore()
	}
	if err != nil {
		return Completion{}, err
	}
	stands, err := t.await(ctx, who, in.ID, in.Prefer.Wait)
	return Completion{stands, in.Prefer.Wait}, err
}

func (s session) completedBefore() error {
	if s.Status == StatusCancelled || s.Status == StatusExpired {
		return fault.New(fault.Conflict, fmt.Sprintf("The upload is %s and cannot be completed.", s.Status))
	}
	return nil
}

// snapshot reads the upload and its stored chunks at one moment.
func (t *Transfers) snapshot(ctx context.Context, who auth.Principal, id uuid.UUID) (s session, chunks []held, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if s, err = find(ctx, tx, who, id); err != nil {
			return err
		}
		chunks, err = chunksStored(ctx, tx, id)
		return err
	})
	return s, chunks, err
}

// finish moves an open upload on, if all its chunks are in our rows, in the caller's list and in the store.
func (t *Transfers) finish(ctx context.Context, who auth.Principal, in Complete, s session, chunks []held) error {
	if err := agree(s, in.Chunks, chunks); err != nil {
		return err
	}
	gone, err := t.reconcile(ctx, s, chunks)
	if err != nil {
		return err
	}
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		now, err := hold(ctx, tx, who, s.ID)
		if err != nil {
			return err
		}
		if now.Status != StatusOpen {
			return now.completedBefore() // another call was faster
		}
		if len(gone) > 0 {
			return forget(ctx, tx, s.ID, gone)
		}
		if err := move(ctx, tx, s.ID, StatusCompleting, Assembling); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, who, completed, s.name()); err != nil {
			return err
		}
		return t.events.Emit(ctx, tx, event.UploadCompleted{Upload: s.ID})
	})
	if err == nil && len(gone) > 0 {
		return incomplete(spansOf(gone))
	}
	return err
}

// agree compares what the caller says with the stored chunks.
func agree(s session, said []ref.Digest, chunks []held) error {
	if len(said) != s.Count {
		return fault.New(fault.Invalid, fmt.Sprintf("The upload has %d chunks; %d digests are given.", s.Count, len(said)), fault.Field("chunks"))
	}
	if len(s.Missing) > 0 {
		return incomplete(s.Missing)
	}
	for i, chunk := range chunks {
		if said[i] != chunk.SHA256 {
			return fault.New(fault.Conflict, fmt.Sprintf("Chunk %d is stored with the digest %s.", i, chunk.SHA256), fault.Field(fmt.Sprintf("chunks[%d]", i)))
		}
	}
	return nil
}

// reconcile gives the chunks that our rows have and the store does not.
func (t *Transfers) reconcile(ctx context.Context, s session, chunks []held) ([]held, error) {
	parts, err := t.store.ListParts(ctx, s.multipart)
	if fault.Is(err, fault.NotFound) { // the store forgot all of them
		return nil, fault.New(fault.Conflict, "The object store has lost this upload: cancel it and begin another.", fault.Cause(err))
	}
	if err != nil {
		return nil, err
	}
	there := make(map[int32]objects.Part, len(parts))
	for _, p := range parts {
		there[p.Number] = p
	}
	var gone []held
	for _, chunk := range chunks {
		p, ok := there[chunk.Number]
		if !ok || p.Size != chunk.Size || !p.SHA256.IsZero() && p.SHA256 != chunk.SHA256 {
			gone = append(gone, chunk)
		}
	}
	return gone, nil
}

func spansOf(gone []held) []Span {
	var spans []Span
	for _, h := range gone {
		if last := len(spans) - 1; last >= 0 && spans[last][1] == h.index-1 {
			spans[last][1] = h.index
			continue
		}
		spans = append(spans, Span{h.index, h.index})
	}
	return spans
}

// incomplete names the missing chunks, the first hundred spans of them; the upload itself lists all.
func incomplete(spans []Span) error {
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
