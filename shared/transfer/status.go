package transfer

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Find returns an upload with its missing chunks.
func (t *Transfers) Find(ctx context.Context, who auth.Principal, in api.GetUploadRequest) (api.Upload, error) {
	var found session
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		if found, err = find(ctx, tx, who, uuid.UUID(in.ID)); err != nil {
			return err
		}
		return readMissing(ctx, tx, &found)
	})
	return found.Upload, err
}

// findState is like Find without the missing chunks, for callers that poll: its cost does not grow with the number of
// stored chunks.
func (t *Transfers) findState(ctx context.Context, who auth.Principal, id uuid.UUID) (api.Upload, error) {
	var found session
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		found, err = find(ctx, tx, who, id)
		return err
	})
	return found.Upload, err
}

// List returns the uploads that the caller may know of, latest first.
func (t *Transfers) List(ctx context.Context, who auth.Principal, in api.ListUploadsRequest) (page.Page[api.Upload], error) {
	var found []api.Upload
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		all, err := list(ctx, tx, who, in.Status, in.Request)
		if err != nil {
			return err
		}
		each := make([]*session, len(all))
		for i := range all {
			each[i] = &all[i]
		}
		err = readMissing(ctx, tx, each...)
		found = uploads(all)
		return err
	})
	return page.Of(in.Request, found, func(u api.Upload) string { return u.ID.String() }), err
}

// uploads returns the sessions as the API shows them.
func uploads(all []session) []api.Upload {
	shown := make([]api.Upload, len(all))
	for i, s := range all {
		shown[i] = s.Upload
	}
	return shown
}

// Cancel gives an upload up: its bytes go, and its draft with them if it brought the only file. To cancel again is no error.
// It fails with Conflict once the upload is complete.
func (t *Transfers) Cancel(ctx context.Context, who auth.Principal, in api.CancelUploadRequest) (struct{}, error) {
	var s session
	err := t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		if s, err = findLocked(ctx, tx, who, uuid.UUID(in.ID)); err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, s.ETag()); err != nil {
			return err
		}
		switch {
		case s.Status == api.UploadCancelled:
			return nil
		case s.Status != api.UploadOpen:
			return fault.New(fault.Conflict, fmt.Sprintf("The upload is %s; only an open one can be cancelled.", s.Status))
		}
		return drop(ctx, tx, who, s, api.UploadCancelled, cancelled)
	})
	if err == nil {
		t.discard(ctx, s.multipart)
	}
	return struct{}{}, err
}

// drop ends an upload without a file, as to, and records act in the audit trail. It deletes the upload's chunks, and
// its draft version if the upload was to bring the only file.
func drop(ctx context.Context, tx postgres.Tx, who auth.Principal, s session, to api.UploadStatus, act audit.Action) error {
	if err := move(ctx, tx, uuid.UUID(s.ID), to, s.Phase); err != nil {
		return err
	}
	if err := deleteChunks(ctx, tx, uuid.UUID(s.ID)); err != nil {
		return err
	}
	if err := dropDraft(ctx, tx, s); err != nil {
		return err
	}
	return audit.Record(ctx, tx, who, act, s.name())
}

// dropDraft deletes the draft if s was the last upload into it and none brought a file.
func dropDraft(ctx context.Context, tx postgres.Tx, s session) error {
	if err := lockDrafts(ctx, tx); err != nil {
		return err
	}
	if alone, err := last(ctx, tx, s); err != nil || !alone {
		return err
	}
	return catalog.DropEmptyDraft(ctx, tx, s.versionID)
}
