package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/transfertest"
)

// deleteModel deletes acme/digits as the function models does.
func deleteModel(t testing.TB, w *transfertest.World) {
	t.Helper()
	events, err := outbox.Open(t.Context(), w.Env)
	w.Must(err)
	_, err = catalog.New(w.Postgres.DB, events, nil).DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: transfertest.Model(), Force: true})
	w.Must(err)
}

// TestUploadsEndWithTheirModel is what hangs on a model in this capability.
func TestUploadsEndWithTheirModel(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*transfertest.World) error{
		"by the event": func(w *transfertest.World) error { return w.ModelDeleted(t.Context(), w.Owner.Tenant) },
		"by sweep":     func(w *transfertest.World) error { return w.Expire(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, file := transfertest.New(t, map[string]string{"MAAS_UPLOAD_MAX_OPEN": "1"}), model(t)
			u := w.MustBegin(transfertest.Wanted(len(file)))
			chunks := w.MustSend(u, file)
			deleteModel(t, w)

			hidden(t, w, u, file, chunks)
			w.NewModel(w.Owner, transfertest.Model().Name) // the name may be used again, and the tenant's one place is free
			other := w.MustBegin(transfertest.Wanted(len(file)))
			hidden(t, w, u, file, chunks)
			w.Must(end(w))
			w.Must(end(w))

			hidden(t, w, u, file, chunks)
			assertGone(t, w, u)
			if n := count(t, w, `select count(*) from uploads where id = $1 and status = 'cancelled'`, u.ID); n != 1 {
				t.Error("the upload is not cancelled")
			}
			if n := count(t, w, `select count(*) from upload_chunks where upload = $1`, u.ID); n != 0 {
				t.Errorf("%d chunks have rows", n)
			}
			if n := w.Audited(w.Owner, "upload.cancel", "done"); n != 1 {
				t.Errorf("%d entries", n)
			}
			if u := w.MustFind(other.ID); u.Status != api.UploadOpen {
				t.Errorf("the upload of the new model is %s", u.Status)
			}
		})
	}
}

// hidden checks that nothing can be done with an upload.
func hidden(t *testing.T, w *transfertest.World, u api.Upload, file []byte, chunks []ref.Digest) {
	t.Helper()
	_, err := w.Find(t.Context(), w.Owner, api.GetUploadRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, file), bytes.NewReader(file))
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: chunks})
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.NotFound)
	all, err := w.List(t.Context(), w.Owner, api.ListUploadsRequest{Request: page.Request{Size: page.MaxSize}})
	w.Must(err)
	for _, listed := range all.Items {
		if listed.ID == u.ID {
			t.Error("the upload is listed")
		}
	}
}

func TestAVerificationEndsWithItsModel(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t, map[string]string{"MAAS_VERIFY_STEP": "1ns"}), large(t)
	completing := w.MustComplete(transfertest.Wanted(len(file)), file)
	in := transfertest.Wanted(len(file))
	in.Filename = "other.onnx"
	hashing := w.MustComplete(in, file)
	w.Must(w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(hashing.ID)))
	deleteModel(t, w)

	w.Must(w.ModelDeleted(t.Context(), w.Owner.Tenant))

	for _, u := range []api.Upload{completing, hashing} {
		assertGone(t, w, u)
	}
	if n := count(t, w, `select count(*) from uploads where status = 'rejected' and error_code = 'version_gone'`); n != 2 {
		t.Errorf("%d of 2 are rejected", n)
	}
}

func TestWhoFollowsAnUploadIsToldThatItEndedWithItsModel(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(1))
	var last api.UploadChange
	for change, err := range w.Follow(t.Context(), w.Owner, u.ID, "") {
		w.Must(err)
		if last = change; change.State.Status == api.UploadOpen {
			deleteModel(t, w)
		}
	}
	if last.Kind != api.ChangeFailed || last.State.Status != api.UploadCancelled {
		t.Errorf("the last change is %+v", last)
	}
}

// TestADeletionLeavesNothingBehindWhoeverRacesWithIt is invariant 7: with uploads in each of their steps.
func TestADeletionLeavesNothingBehindWhoeverRacesWithIt(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t, map[string]string{"MAAS_ORPHAN_GRACE": "1ns", "DATABASE_POOL": "10", "MAAS_UPLOAD_MAX_OPEN": "100"}), model(t)
	for range 5 {
		var racers sync.WaitGroup
		for range 4 {
			racers.Go(func() { pushed(t, w, file) })
		}
		racers.Go(func() { deleteModel(t, w) })
		racers.Wait()
		w.Must(w.ModelDeleted(t.Context(), w.Owner.Tenant))
		w.Must(w.Collect(t.Context())) // a verification may have lost its turn with the object just made

		if n := count(t, w, `select (select count(*) from versions) + (select count(*) from upload_chunks)
			+ (select count(*) from uploads where status in ('open', 'completing', 'verifying'))`); n != 0 {
			t.Errorf("%d rows are left of a model that is deleted", n)
		}
		if n := unfinished(t, w); n != 0 {
			t.Errorf("%d multiparts are left", n)
		}
		w.NewModel(w.Owner, transfertest.Model().Name)
	}
}

// pushed takes a file as far as it gets.
func pushed(t *testing.T, w *transfertest.World, file []byte) {
	t.Helper()
	err := push(t.Context(), w, w.Owner, file)
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func push(ctx context.Context, w *transfertest.World, who auth.Principal, file []byte) error {
	begun, err := w.Begin(ctx, who, transfertest.Wanted(len(file)))
	if err != nil {
		return err
	}
	if _, err := w.Receive(ctx, who, transfertest.ChunkOf(begun.Upload, 0, file), bytes.NewReader(file)); err != nil {
		return err
	}
	_, err = w.Complete(ctx, who, api.CompleteRequest{ID: begun.ID, Chunks: []ref.Digest{ref.SumOf(file)}})
	return errors.Join(err, w.Verify(ctx, who.Tenant, uuid.UUID(begun.ID)))
}
