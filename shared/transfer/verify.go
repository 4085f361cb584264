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

// verification is the work of one holder of an upload's lease.
type verification struct {
	*Transfers
	session

	tenant uuid.UUID
	who    auth.Principal
	fence  int64 // the fencing token: each lease has a higher one than those before it
	sums   sums
	ends   time.Time // when this step should leave the rest to the next
}

// Verify takes an upload further: the store makes one object of its chunks, the object is hashed from where the last step stopped, and then recognised. At
// the end the file belongs to its draft version, or the upload is rejected with the reason. A step that would take longer than MAAS_VERIFY_STEP saves its
// state and emits the event of the next.
//
// It is a reconciler: it may be called at any time, twice at once, and after any crash. It returns nil if there is nothing to verify or another process has
// the lease. After an error it may be called again; what nobody goes on with, sweep resumes (Wake).
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

// take acquires the verification lease of an upload. taken is false if there is nothing to verify or another process has the lease.
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

// run goes through the phases that the upload has not passed: assembling, hashing and recognising. It returns when the upload has ended, or the rest is
// left to the next step.
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

// assemble has the store make one object of the chunks, and enters Hashing. It succeeds if the object is there already, so that a lost answer does no harm.
// If the store refuses with Conflict it does as doubt does.
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

// partsOf returns the chunks as parts of the store, in their order.
func partsOf(chunks []held) []objects.Part {
	parts := make([]objects.Part, len(chunks))
	for i, chunk := range chunks {
		parts[i] = chunk.Part
	}
	return parts
}

// unassembled returns the Unavailable error of a store that could not assemble the chunks.
func unassembled(cause error) error {
	return fault.New(fault.Unavailable, "The object store could not assemble the chunks; it will be tried again.", fault.Cause(cause))
}

// enter moves the upload to a phase of verifying, in its row and in v. It fails as write does.
func (v *verification) enter(ctx context.Context, phase api.UploadPhase) error {
	err := v.write(ctx, func(tx postgres.Tx) error { return move(ctx, tx, uuid.UUID(v.ID), api.UploadVerifying, phase) })
	if err == nil {
		v.Status, v.Phase = api.UploadVerifying, phase
	}
	return err
}

// hash hashes the object from where the last step stopped, and saves its state each second. If it comes to the end it enters Recognising, or rejects the
// upload if a digest that the client declared differs. At v.ends it leaves the rest to the next step.
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

// hashOn hashes the object from the sums' offset to its end, or until v.ends: then it passes the rest on (pass). It saves the state each second. It fails
// as write does, and with the store's error.
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

// pass saves the state of the hashing, releases the lease and emits the event of the next step.
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

// save returns a function that writes the state of the hashing in a transaction.
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

// write runs do in a transaction under the verification's lease. It fails with lost() if another process has acquired the lease, with errVersionGone if the
// draft version is deleted, and with do's error.
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

// last is like write, but does not ask whether the draft version still exists. It is for what ends the upload.
func (v *verification) last(ctx context.Context, do func(tx postgres.Tx) error) error {
	return v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error {
		if err := checkLease(ctx, tx, uuid.UUID(v.ID), v.fence); err != nil {
			return err
		}
		return do(tx)
	})
}

// renew extends the verification's lease. It fails with errLost if another process has acquired it.
func (v *verification) renew(ctx context.Context) error {
	return v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error { return renewLease(ctx, tx, uuid.UUID(v.ID), v.fence, v.limits.VerifyLease) })
}

// leave releases the lease of a step that failed, so that the next step need not wait until it expires. A failure is logged.
func (v *verification) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	err := v.db.Tx(ctx, v.tenant, func(tx postgres.Tx) error { return releaseLease(ctx, tx, uuid.UUID(v.ID), v.fence) })
	if err != nil {
		v.log.WarnContext(ctx, "a verification stays taken until its lease is over", "upload", v.ID, "error", err)
	}
}
