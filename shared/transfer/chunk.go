package transfer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/ref"
)

// Chunk names bytes that are about to be sent.
type Chunk struct {
	Upload uuid.UUID
	Index  int
	Size   int64
	SHA256 ref.Digest
}

// Received is the answer to a chunk that the store holds.
type Received struct {
	Index    int        `json:"index"`
	Size     int64      `json:"size"`
	SHA256   ref.Digest `json:"sha256"`
	Received int64      `json:"received_bytes"` // of the upload
}

// claim is a writer's right to fill a chunk's place. Writers with the same digest share one generation: whichever comes to its end first
// has stored it. Another digest gets the place only when the generation is over, and starts the next.
type claim struct {
	Chunk

	multipart  objects.Multipart
	generation uuid.UUID
	stored     bool // already, with this digest: nothing is to be written
}

// settling bounds what is recorded after the client has gone or the bytes have been refused.
const settling = 5 * time.Second

// Receive streams a chunk into the store. It answers only once the store holds exactly the bytes that c.SHA256 says, also if other writers
// of the same chunk come, go and die. A chunk that is stored already is not read.
//
// It fails with Conflict if other bytes have this index or the upload takes none any more, with Unprocessable if the bytes do not have
// the digest, with Invalid if their number is wrong, and with Unavailable or Canceled when nothing is known of what was sent: then the
// same chunk may be sent again at once, and other bytes under its index when the lease is over.
func (t *Transfers) Receive(ctx context.Context, who auth.Principal, c Chunk, body io.Reader) (Received, error) {
	asked := time.Now()
	claimed, err := t.claim(ctx, who, c)
	if err != nil {
		return Received{}, err
	}
	if claimed.stored {
		return t.answer(ctx, who, c)
	}
	part, err := t.write(ctx, who.Tenant, claimed, asked, body)
	if err != nil {
		return Received{}, t.release(ctx, who.Tenant, claimed, err)
	}
	if err := t.settle(ctx, who.Tenant, claimed, part.ETag); err != nil {
		return Received{}, err
	}
	return t.answer(ctx, who, c)
}

// claim checks that the chunk is one of the upload's, and takes its place before a byte is read.
func (t *Transfers) claim(ctx context.Context, who auth.Principal, c Chunk) (claim, error) {
	claimed := claim{Chunk: c}
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		s, err := find(ctx, tx, who, c.Upload)
		if err != nil {
			return err
		}
		if err := s.takes(c); err != nil {
			return err
		}
		claimed.multipart = s.multipart
		claimed.generation, claimed.stored, err = takePlace(ctx, tx, c, t.limits.ChunkLease)
		return err
	})
	return claimed, err
}

// takes fails unless the upload is open and has a chunk of that index and size.
func (s session) takes(c Chunk) error {
	switch {
	case s.Status != StatusOpen:
		return fault.New(fault.Conflict, fmt.Sprintf("The upload is %s and takes no chunks.", s.Status))
	case time.Now().After(s.Expires):
		return fault.New(fault.Conflict, "The upload has expired and takes no chunks.")
	case c.Index < 0 || c.Index >= s.Count:
		return fault.New(fault.Invalid, fmt.Sprintf("The upload has %d chunks, counted from 0; there is no chunk %d.", s.Count, c.Index), fault.Field("n"))
	case c.Size != s.layout().SizeOf(c.Index):
		return fault.New(fault.Invalid, fmt.Sprintf("Chunk %d has %d bytes, not %d.", c.Index, s.layout().SizeOf(c.Index), c.Size),
			fault.Field("Content-Length"))
	default:
		return nil
	}
}

// write streams the body into the store while the claim is renewed.
func (t *Transfers) write(ctx context.Context, tenant uuid.UUID, c claim, asked time.Time, body io.Reader) (objects.Part, error) {
	ctx, held, stop := keep(ctx, t.limits.ChunkLease, asked, func(ctx context.Context) error {
		return t.db.Tx(ctx, tenant, func(tx postgres.Tx) error { return renewPlace(ctx, tx, c, t.limits.ChunkLease) })
	})
	defer stop()
	part := objects.Part{Number: int32(c.Index) + 1, Size: c.Size, SHA256: c.SHA256} //nolint:gosec // at most Profile.MaxParts
	return t.store.PutPart(ctx, c.multipart, part, fenced{body, held})
}

// settle records that the store holds the chunk, also if the client has gone since: then it finds it so when it comes again.
func (t *Transfers) settle(ctx context.Context, tenant uuid.UUID, c claim, etag string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	return t.db.Tx(ctx, tenant, func(tx postgres.Tx) error { return settlePlace(ctx, tx, c, etag) })
}

// release gives the place up if the store has certainly kept nothing. Otherwise it stays claimed until the lease is over, because the
// store may still be about to keep what it was sent.
func (t *Transfers) release(ctx context.Context, tenant uuid.UUID, c claim, cause error) error {
	switch kind := fault.KindOf(cause); kind {
	case fault.NotFound: // the store's word: the multipart is gone, and with it the upload
		return fault.New(fault.Conflict, "The upload takes no chunks any more.", fault.Cause(cause))
	case fault.Unprocessable, fault.Invalid, fault.TooLarge:
	default:
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := t.db.Tx(ctx, tenant, func(tx postgres.Tx) error { return leavePlace(ctx, tx, c) }); err != nil {
		t.log.WarnContext(ctx, "a chunk's place stays claimed until its lease is over", "upload", c.Upload, "index", c.Index, "error", err)
	}
	return cause
}

func (t *Transfers) answer(ctx context.Context, who auth.Principal, c Chunk) (Received, error) {
	answer := Received{Index: c.Index, Size: c.Size, SHA256: c.SHA256}
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		answer.Received, err = bytesStored(ctx, tx, c.Upload)
		return err
	})
	return answer, err
}
