package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/postgres"
)

// atOnce bounds what one tick does of each kind; the next goes on.
const atOnce = 200

// one is an upload of any tenant.
type one struct {
	tenant, id uuid.UUID
	hashed     int64
}

// some returns the uploads that list returns. It calls list in a transaction of no tenant, with the rights of sweep.
func (t *Transfers) some(ctx context.Context, list func(postgres.Tx) ([]one, error)) (found []one, err error) {
	err = t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) (err error) {
		found, err = list(tx)
		return err
	})
	return found, err
}

// Expire ends open uploads that have expired or whose model is deleted, up to 200, and deletes their bytes and empty drafts. An error does not stop the
// others; the errors are joined.
func (t *Transfers) Expire(ctx context.Context) error {
	overdue, err := t.some(ctx, func(tx postgres.Tx) ([]one, error) { return overdueUploads(ctx, tx, atOnce) })
	for _, o := range overdue {
		err = errors.Join(err, t.expire(ctx, o, "sweep"))
	}
	return err
}

// expire ends an open upload as expired, or as cancelled if its model is deleted, and deletes its bytes and its empty draft. It does nothing to an upload
// that is no longer open. The audit log names the function.
func (t *Transfers) expire(ctx context.Context, o one, function string) error {
	var s session
	err := t.db.Tx(ctx, o.tenant, func(tx postgres.Tx) error {
		if err := lockUpload(ctx, tx, o.id); err != nil {
			return err
		}
		var err error
		if s, err = read(ctx, tx, o.id); err != nil || s.Status != api.UploadOpen {
			return err // completed or cancelled a moment ago
		}
		if s.orphaned {
			return drop(ctx, tx, s.system(function, o.tenant), s, api.UploadCancelled, cancelled)
		}
		return drop(ctx, tx, s.system(function, o.tenant), s, api.UploadExpired, expired)
	})
	if err == nil && s.Status == api.UploadOpen {
		t.discard(ctx, s.multipart)
	}
	return err
}

// ModelDeleted ends all uploads of the tenant whose models are deleted: open ones are cancelled, those being verified
// are rejected. They cannot be found and do not count from the deletion on. An error does not stop the others; what
// remains, sweep ends.
func (t *Transfers) ModelDeleted(ctx context.Context, tenant uuid.UUID) error {
	const function = "verify-upload"
	var open, underway []uuid.UUID
	err := t.db.Tx(ctx, tenant, func(tx postgres.Tx) (err error) {
		open, underway, err = ofGoneModels(ctx, tx)
		return err
	})
	for _, id := range open {
		err = errors.Join(err, t.expire(ctx, one{tenant: tenant, id: id}, function))
	}
	for _, id := range underway {
		err = errors.Join(err, t.Verify(ctx, tenant, id))
	}
	return err
}

// Wake resumes verifications that nobody has worked on for two minutes, because their process died or their event was given up. It emits an event for each,
// up to 200. An error does not stop the others; the errors are joined.
func (t *Transfers) Wake(ctx context.Context) error {
	const idle = 2 * time.Minute
	found, err := t.some(ctx, func(tx postgres.Tx) ([]one, error) { return takeIdleUploads(ctx, tx, idle, atOnce) })
	for _, o := range found {
		err = errors.Join(err, t.db.Tx(ctx, o.tenant, func(tx postgres.Tx) error {
			return t.events.Emit(ctx, tx, event.UploadVerifying{Upload: api.ID(o.id), Offset: o.hashed})
		}))
	}
	return err
}

// Free ends the leases of all chunks and verifications. It is for a host that has just started and is alone with its
// data, so that all their holders are dead.
func (t *Transfers) Free(ctx context.Context) error {
	return t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error { return endLeases(ctx, tx) })
}
