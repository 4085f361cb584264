package transfer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
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

// Begun is a new upload, and where it is to be found.
type Begun struct{ api.Upload }

// SetHeader names the upload's address.
func (b Begun) SetHeader(h http.Header) { h.Set("Location", b.Address()) }

// Begin opens an upload into a draft version, which it makes if need be. A repetition with the same Idempotency-Key gives the upload as it
// stands now.
//
// It fails with TooLarge above the size limit, with QuotaExceeded at the limit of open uploads, with NotFound if there is no such model, with
// Conflict if the version is published, and with Unprocessable for what this installation does not offer.
func (t *Transfers) Begin(ctx context.Context, who auth.Principal, in api.CreateUploadRequest) (Begun, error) {
	s, err := t.plan(who, in)
	if err != nil {
		return Begun{}, err
	}
	// Before the row, so that a row always has its multipart; what a crash leaves behind is found by sweep.
	if s.multipart, err = t.store.CreateMultipart(ctx, s.multipart.Key); err != nil {
		return Begun{}, err
	}
	whole := false // all but the commit was done
	begun, err := postgres.Once(ctx, t.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Upload, error) {
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
		begun, err = t.Find(ctx, who, api.GetUploadRequest{ID: begun.ID})
	}
	return Begun{begun}, err
}

// plan returns the upload that in asks for, which has no draft and no multipart id yet, after the checks that need no look at what is there. It fails as
// check and NewLayout do.
func (t *Transfers) plan(who auth.Principal, in api.CreateUploadRequest) (session, error) {
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
		Upload: api.Upload{
			ID: api.ID(id), Model: in.Model, Path: in.Destination(), Size: l.Size, Chunk: l.Chunk, First: l.First, Count: l.Count,
			Status: api.UploadOpen, SHA256: in.SHA256, Expires: time.Now().Add(t.limits.Expiry).UTC().Truncate(time.Microsecond), Revision: "1.0",
		},
		multipart: objects.Multipart{Key: objects.UploadKey(who.Tenant, id)},
		owner:     who.Actor(), sha256: in.SHA256, md5: in.MD5, format: in.Format,
	}, nil
}

// check fails with NotFound if the caller may not see the model, with Invalid for a version and a bump, for neither, and for a size below 1, with TooLarge
// above the size limit, with Unprocessable for UploadDirect, and as checkFormat does.
func (t *Transfers) check(who auth.Principal, in api.CreateUploadRequest) error {
	switch {
	case !who.MaySee(in.Model):
		return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", in.Model), fault.Field("model"))
	case in.Version.IsZero() == (in.Bump == ""):
		return fault.New(fault.Invalid, "Either version or bump is given.", fault.Field("version"), fault.Field("bump"))
	case in.Size < 1:
		return fault.New(fault.Invalid, "A file has 1 byte or more.", fault.Field("size"))
	case in.Size > t.limits.MaxSize:
		return fault.New(fault.TooLarge, fmt.Sprintf("A file has at most %d bytes; this one has %d.", t.limits.MaxSize, in.Size), fault.Field("size"))
	case in.Mode == api.UploadDirect:
		return fault.New(fault.Unprocessable, "The object store of this installation cannot be reached by clients: send the chunks through MaaS.",
			fault.Field("mode"))
	default:
		return checkFormat(in)
	}
}

// checkFormat refuses what verification would reject whatever the bytes are: a format that is not accepted or is none of those that the name
// promises, and a file that has more bytes than its format can have.
func checkFormat(in api.CreateUploadRequest) error {
	said, named := formats.Format(in.Format), formats.OfName(in.Destination())
	switch {
	case said != "" && !slices.Contains(formats.Accepted(), said):
		return fault.New(fault.Unprocessable, fmt.Sprintf("The format %q is not supported; these are: %s.", said, formats.List(formats.Accepted())),
			fault.Field("format"))
	case said != "" && len(named) > 0 && !slices.Contains(named, said):
		return fault.New(fault.Unprocessable, fmt.Sprintf("A file that is called %s must be %s, not %s: give it another name, or another format.",
			in.Destination(), formats.Names(named), said), fault.Field("format"))
	}
	if said != "" {
		named = []formats.Format{said}
	}
	if refusal := formats.CheckSize(named, in.Size); refusal != nil {
		return fault.New(fault.TooLarge, refusal.Detail+".", fault.Field("size"))
	}
	return nil
}

// open makes the draft, unless it is there, and the row, and records that in the audit log. It fails as checkQuota and catalog.OpenDraft do.
func (t *Transfers) open(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.CreateUploadRequest, s session) (api.Upload, error) {
	if err := lockDrafts(ctx, tx); err != nil {
		return api.Upload{}, err
	}
	if err := checkQuota(ctx, tx, t.limits.MaxOpen); err != nil { // first: caches are told of a draft that is made
		return api.Upload{}, err
	}
	draft, err := catalog.OpenDraft(ctx, tx, t.announce, who, catalog.DraftRequest{
		Model: in.Model, Version: in.Version, Bump: in.Bump, Lineage: in.Lineage, Path: string(s.Path),
	})
	if err != nil {
		return api.Upload{}, err
	}
	s.versionID, s.modelID, s.Version = draft.ID, draft.ModelID, draft.Version
	if err := insert(ctx, tx, s); err != nil {
		return api.Upload{}, err
	}
	s = s.shown(0)
	s.Missing = missing(nil, s.Count)
	return s.Upload, audit.Record(ctx, tx, who, created, s.name())
}

// discard aborts a multipart upload that has no row, or whose upload has ended. Failures are left to sweep.
func (t *Transfers) discard(ctx context.Context, m objects.Multipart) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if err := t.store.Abort(ctx, m); err != nil {
		t.log.WarnContext(ctx, "a multipart is left to sweep", "key", m.Key, "error", err)
	}
}
