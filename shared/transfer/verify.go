package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// verification is one turn at an upload under its lease.
type verification struct {
	*Transfers
	session

	tenant uuid.UUID
	who    auth.Principal
	fence  int64 // each turn has a higher one than those before it
	sums   sums
	ends   time.Time // when this step should leave the rest to the next
}

// Verify takes an upload further: its chunks become one object, the object is hashed from where the last step came to, and then recognised.
// At the end the file belongs to its draft version, or the upload is rejected with the reason. A step that would take longer than the
// configured time saves where it is and emits the event of the next.
//
// It is a reconciler: it may be called at any time, twice at once, and after any crash. Who finds another at work leaves it to that one; what
// both leave undone, sweep wakes again.
func (t *Transfers) Verify(ctx context.Context, tenant, upload uuid.UUID) error {
	asked := time.Now()
	v, taken, err := t.take(ctx, tenant, upload)
	if err != nil || !taken {
		return err
	}
	v.ends = asked.Add(t.limits.Step)
	held, _, stop := keep(ctx, t.limits.VerifyLease, asked, v.renew)
	defer stop()
	err = v.run(held)
	if errors.Is(err, errVersionGone) {
		err = v.reject(held, api.UploadProblem{Code: "version_gone", Detail: fmt.Sprintf("%s was deleted before the file was verified.", v.target())})
	}
	if err != nil {
		v.leave(ctx)
	}
	return err
}

// take acquires the verification lease of an upload. taken is false if there is nothing to verify or another process holds the lease.
func (t *Transfers) take(ctx context.Context, tenant, upload uuid.UUID) (v *verification, taken bool, err error) {
	v = &verification{Transfers: t, tenant: tenant, who: auth.Principal{Tenant: tenant}}
	err = t.db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		v.fence, v.sums, taken, err = takeLease(ctx, tx, upload, t.limits.VerifyLease)
		if err != nil || !taken {
			return err
		}
		v.session, err = read(ctx, tx, upload)
		v.who = v.system("verify-upload", tenant)
		return err
	})
	return v, taken, err
}

func (v *verification) run(ctx context.Context) error {
	if v.Status == api.UploadCompleting {
		if err := v.assemble(ctx); err != nil {
			return err
		}
	}
	if v.Status == api.UploadVerifying && v.Phase == api.Hashing {
		if err := v.hash(ctx); err != nil {
			return err
		}
	}
	if v.Status == api.UploadVerifying && v.Phase == api.Recognising {
		return v.recognise(ctx)
	}
	return nil
}

// assemble has the store assemble the chunks to one object. It succeeds if the object is there already, so that a lost
// answer does no harm.
func (v *verification) assemble(ctx context.Context) error {
	var chunks []held
	err := v.write(ctx, func(tx postgres.Tx) (err error) {
		chunks, err = chunksStored(ctx, tx, uuid.UUID(v.ID))
		return err
	})
	if err != nil {
		return err
	}
	if _, err = v.store.Complete(ctx, v.multipart, partsOf(chunks)); fault.Is(err, fault.Conflict) {
		return v.doubt(ctx, chunks, err)
	}
	if err != nil {
		return err
	}
	return v.enter(ctx, api.Hashing)
}

// doubt handles a failure (cause) of the store to assemble the chunks. If the store has assembled them already, for a
// verification whose lease ended, or assembles them now, the upload goes on to Hashing. If the store has lost chunks,
// the upload is rejected with lost_chunks. Any other failure is returned and retried.
func (v *verification) doubt(ctx context.Context, chunks []held, cause error) error {
	parts, gone, err := v.reconcile(ctx, v.multipart, chunks)
	switch {
	case fault.Is(err, fault.NotFound): // all parts are gone: into the object, unless that is another's
		switch _, err := v.store.Complete(ctx, v.multipart, partsOf(chunks)); {
		case err == nil:
			return v.enter(ctx, api.Hashing)
		case !fault.Is(err, fault.Conflict):
			return unassembled(errors.Join(cause, err))
		}
	case err != nil:
		return err
	case len(gone) == 0:
		if _, err := v.store.Complete(ctx, v.multipart, parts); err != nil { // with the ETags that the store has now
			return unassembled(err)
		}
		return v.enter(ctx, api.Hashing)
	}
	return v.reject(ctx, api.UploadProblem{
		Code: "lost_chunks", Detail: "The object store does not hold the chunks any more that it had acknowledged: upload the file again.",
	})
}

func partsOf(chunks []held) []objects.Part {
	parts := make([]objects.Part, len(chunks))
	for i, chunk := range chunks {
		parts[i] = chunk.Part
	}
	return parts
}

func unassembled(cause error) error {
	return fault.New(fault.Unavailable, "The object store could not assemble the chunks; it will be tried again.", fault.Cause(cause))
}

// enter stores the phase of the verification.
func (v *verification) enter(ctx context.Context, phase api.UploadPhase) error {
	err := v.write(ctx, func(tx postgres.Tx) error { return move(ctx, tx, uuid.UUID(v.ID), api.UploadVerifying, phase) })
	if err == nil {
		v.Status, v.Phase = api.UploadVerifying, phase
	}
	return err
}

// hash reads the object from where the last step came to, and saves where it is each second, so that a crash costs no more than that.
func (v *verification) hash(ctx context.Context) error {
	if v.sums.offset < v.Size {
		if err := v.hashOn(ctx); err != nil || v.Phase != api.Hashing || v.sums.offset < v.Size {
			return err
		}
	}
	v.SHA256 = v.sums.digest()
	if problem := v.compare(); problem != nil {
		return v.reject(ctx, *problem)
	}
	return v.enter(ctx, api.Recognising)
}

func (v *verification) hashOn(ctx context.Context) error {
	body, err := v.store.Range(ctx, v.multipart.Key, v.sums.offset, v.Size-v.sums.offset)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // only read from
	const saving = time.Second
	for v.sums.offset < v.Size {
		if err := v.sums.read(body, min(time.Until(v.ends), saving)); err != nil {
			return err
		}
		if v.sums.offset < v.Size && time.Now().After(v.ends) {
			return v.pass(ctx)
		}
		if err := v.write(ctx, v.save(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// pass saves the state and emits the event of the next step.
func (v *verification) pass(ctx context.Context) error {
	return v.write(ctx, func(tx postgres.Tx) error {
		if err := v.save(ctx)(tx); err != nil {
			return err
		}
		if err := releaseLease(ctx, tx, uuid.UUID(v.ID), v.fence); err != nil {
			return err
		}
		return v.events.Emit(ctx, tx, event.UploadVerifying{Upload: v.ID, Offset: v.sums.offset})
	})
}

func (v *verification) save(ctx context.Context) func(tx postgres.Tx) error {
	return func(tx postgres.Tx) error { return saveSums(ctx, tx, uuid.UUID(v.ID), v.sums) }
}

// compare compares the computed hashes to those that the client declared. It returns nil if all of them match; a hash
// that was not declared matches.
func (v *verification) compare() *api.UploadProblem {
	switch {
	case !v.sha256.IsZero() && v.sha256 != v.SHA256:
		return &api.UploadProblem{Code: "sha256_mismatch", Detail: "The file has the SHA-256 " + v.SHA256.String() + ", not " + v.sha256.String() + "."}
	case v.md5 != "" && v.md5 != v.sums.md5sum():
		return &api.UploadProblem{Code: "md5_mismatch", Detail: "The file has the MD5 " + string(v.sums.md5sum()) + ", not " + string(v.md5) + "."}
	default:
		return nil
	}
}

// errVersionGone says that the draft which the file is for was deleted, with its model.
var errVersionGone = errors.New("transfer: the version is deleted")

// write runs a transaction that only the holder of the turn may make. It fails with errVersionGone if the file is for nothing any more.
func (v *verification) write(ctx context.Context, do func(tx postgres.Tx) error) error {
	return v.last(ctx, func(tx postgres.Tx) error {
		there, err := versionThere(ctx, tx, v.versionID)
		if err != nil {
			return err
		}
		if !there {
			return errVersionGone
		}
		return do(tx)
	})
}

// last is like write, for what ends the upload, whether or not its version still exists.
func (v *verification) last(ctx context.Context, do func(tx postgres.Tx) error) error {
	return v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error {
		if err := checkLease(ctx, tx, uuid.UUID(v.ID), v.fence); err != nil {
			return err
		}
		return do(tx)
	})
}

func (v *verification) renew(ctx context.Context) error {
	return v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error { return renewLease(ctx, tx, uuid.UUID(v.ID), v.fence, v.limits.VerifyLease) })
}

// leave releases the lease of a step that failed, so that the next step need not wait until it expires.
func (v *verification) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	err := v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error { return releaseLease(ctx, tx, uuid.UUID(v.ID), v.fence) })
	if err != nil {
		v.log.WarnContext(ctx, "a verification stays taken until its lease is over", "upload", v.ID, "error", err)
	}
}
