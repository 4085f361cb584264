package transfer

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// The acts that the audit log knows of uploads. Chunks have none: who began and who completed an upload answers for its bytes.
const (
	created   audit.Action = "upload.create"
	completed audit.Action = "upload.complete"
	cancelled audit.Action = "upload.cancel"
	expired   audit.Action = "upload.expire"
	verified  audit.Action = "upload.verify"
	rejected  audit.Action = "upload.reject"
)

// Mode is the way that bytes take.
type Mode string

// Proxy is through upload-chunk; Direct, with presigned addresses of the store, is not offered yet.
const (
	Proxy  Mode = "proxy"
	Direct Mode = "direct"
)

// UnmarshalText reads a mode.
func (m *Mode) UnmarshalText(text []byte) error {
	if Mode(text) != Proxy && Mode(text) != Direct {
		return fault.New(fault.Invalid, "A mode is proxy or direct.", fault.Field("mode"))
	}
	*m = Mode(text)
	return nil
}

// Begin asks for an upload. Of Version and Bump exactly one is given.
type Begin struct {
	Model    ref.Model       `json:"model"`
	Version  ref.Version     `json:"version,omitzero"`
	Bump     ref.Bump        `json:"bump,omitempty"`
	Filename ref.Path        `json:"filename"`
	Path     ref.Path        `json:"path,omitempty"` // in the version; Filename unless given
	Size     int64           `json:"size"`           // bytes, 1 or more
	SHA256   ref.Digest      `json:"sha256,omitzero"`
	MD5      MD5             `json:"md5,omitempty"`
	Format   string          `json:"format,omitempty"` // what verification must find, if given: onnx or data
	Chunk    int64           `json:"chunk_size,omitempty"`
	First    int64           `json:"first_chunk_size,omitempty"`
	Mode     Mode            `json:"mode,omitempty"`
	Lineage  catalog.Lineage `json:"lineage,omitzero"`
}

// Begun is a new upload, and where it is to be found.
type Begun struct{ Upload }

// SetHeader names the upload's address.
func (b Begun) SetHeader(h http.Header) { h.Set("Location", b.Address()) }

// Begin opens an upload into a draft version, which it makes if need be. A repetition with the same Idempotency-Key gives the upload as it
// stands now.
//
// It fails with TooLarge above the size limit, with QuotaExceeded at the limit of open uploads, with NotFound if there is no such model, with
// Conflict if the version is published, and with Unprocessable for what this installation does not offer.
func (t *Transfers) Begin(ctx context.Context, who auth.Principal, in Begin) (Begun, error) {
	s, err := t.plan(who, in)
	if err != nil {
		return Begun{}, err
	}
	// Before the row, so that a row always has its multipart; what a crash leaves behind is found by sweep.
	if s.multipart, err = t.store.CreateMultipart(ctx, s.multipart.Key); err != nil {
		return Begun{}, err
	}
	whole := false // all but the commit was done
	begun, err := postgres.Once(ctx, t.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (Upload, error) {
		u, err := t.open(ctx, tx, who, in, s)
		whole = err == nil
		return u, err
	})
	switch {
	case err != nil && whole: // the answer to the commit is lost, perhaps, and the row is there: its multipart is left to sweep
	case err != nil:
		t.discard(ctx, s.multipart)
	case begun.ID != s.ID:
		t.discard(ctx, s.multipart)
		begun, err = t.Find(ctx, who, Named{ID: begun.ID})
	}
	return Begun{begun}, err
}

// plan checks what can be checked without a look at what is there.
func (t *Transfers) plan(who auth.Principal, in Begin) (session, error) {
	if err := t.check(who, in); err != nil {
		return session{}, err
	}
	l, err := NewLayout(in.Size, in.Chunk, in.First, t.store.Profile())
	if err != nil {
		return session{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return session{}, err
	}
	return session{
		Upload: Upload{
			ID: id, Model: in.Model, Path: in.place(), Size: l.Size, Chunk: l.Chunk, First: l.First, Count: l.Count,
			Status: StatusOpen, SHA256: in.SHA256, Expires: time.Now().Add(t.limits.Expiry).UTC().Truncate(time.Microsecond), revision: 1,
		},
		multipart: objects.Multipart{Key: objects.UploadKey(who.Tenant, id)},
		owner:     who.Actor(), sha256: in.SHA256, md5: in.MD5, format: in.Format,
	}, nil
}

func (t *Transfers) check(who auth.Principal, in Begin) error {
	switch {
	case !who.MaySee(in.Model):
		return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", in.Model), fault.Field("model"))
	case in.Version.IsZero() == (in.Bump == ""):
		return fault.New(fault.Invalid, "Either version or bump is given.", fault.Field("version"), fault.Field("bump"))
	case in.Size < 1:
		return fault.New(fault.Invalid, "A file has 1 byte or more.", fault.Field("size"))
	case in.Size > t.limits.MaxSize:
		return fault.New(fault.TooLarge, fmt.Sprintf("A file has at most %d bytes; this one has %d.", t.limits.MaxSize, in.Size), fault.Field("size"))
	case in.Mode == Direct:
		return fault.New(fault.Unprocessable, "The object store of this installation cannot be reached by clients: send the chunks through MaaS.",
			fault.Field("mode"))
	default:
		return in.checkFormat()
	}
}

// place gives where the file will lie in the version.
func (in Begin) place() ref.Path {
	if in.Path == "" {
		return in.Filename
	}
	return in.Path
}

// checkFormat refuses what verification would reject whatever the bytes are: a format that is not supported or is not the one that the name
// promises, and a file that has more bytes than its format can have.
func (in Begin) checkFormat() error {
	said, named := formats.Format(in.Format), formats.OfName(in.place())
	switch {
	case said != "" && !formats.Accepted(said):
		return fault.New(fault.Unprocessable, "Only the formats onnx and data are supported.", fault.Field("format"))
	case said != "" && named != "" && said != named:
		return fault.New(fault.Unprocessable, fmt.Sprintf("A file that is called %s must be %s, not %s: give it another name, or another format.",
			in.place(), named, said), fault.Field("format"))
	}
	if named != "" {
		said = named
	}
	if refusal := formats.CheckSize(said, in.Size); refusal != nil {
		return fault.New(fault.TooLarge, refusal.Detail+".", fault.Field("size"))
	}
	return nil
}

// open makes the draft and the row.
func (t *Transfers) open(ctx context.Context, tx postgres.Tx, who auth.Principal, in Begin, s session) (Upload, error) {
	if err := turn(ctx, tx); err != nil {
		return Upload{}, err
	}
	draft, err := catalog.OpenDraft(ctx, tx, who, catalog.DraftRequest{
		Model: in.Model, Version: in.Version, Bump: in.Bump, Lineage: in.Lineage, Path: string(s.Path),
	})
	if err != nil {
		return Upload{}, err
	}
	s.versionID, s.modelID, s.Version = draft.ID, draft.ModelID, draft.Version
	if err := insert(ctx, tx, s, t.limits.MaxOpen); err != nil {
		return Upload{}, err
	}
	s = s.shown(0)
	s.Missing = missing(nil, s.Count)
	return s.Upload, audit.Record(ctx, tx, who, created, s.name())
}

// discard drops a multipart that has no row, or none any more. What stays behind is found by sweep.
func (t *Transfers) discard(ctx context.Context, m objects.Multipart) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := t.store.Abort(ctx, m); err != nil {
		t.log.WarnContext(ctx, "a multipart is left to sweep", "key", m.Key, "error", err)
	}
}
