package transfer_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/transfertest"
)

func TestACancelledUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	w.MustSend(u, file)

	_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})

	w.Must(err)
	assertGone(t, w, u)
	if n := count(t, w, `select (select count(*) from versions) + (select count(*) from upload_chunks)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := w.Audited(w.Owner, "upload.cancel", "done"); n != 1 {
		t.Errorf("%d entries", n)
	}
	_, err = w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.Conflict)
}

func TestACompletedUploadCannotBeCancelled(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustComplete(transfertest.Wanted(len(file)), file)

	_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})

	faulttest.AssertKind(t, err, fault.Conflict)
}

func TestADraftStaysWhileAnotherUploadIntoItIsUnderWay(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	first, second := w.MustBegin(transfertest.Wanted(1)), w.MustBegin(transfertest.Wanted(1))
	drafts := func() int { return count(t, w, `select count(*) from versions`) }

	for i, u := range []api.Upload{first, second} {
		_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})
		if w.Must(err); drafts() != 1-i {
			t.Errorf("%d drafts after %d of two", drafts(), i+1)
		}
	}
}

func TestAnUploadWhoseTimeIsOverExpires(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	late, good := w.MustBegin(transfertest.Wanted(len(file))), w.MustBegin(transfertest.Wanted(len(file)))
	w.MustSend(late, file)
	change(t, w, `update uploads set expires_at = now() where id = $1`, late.ID)

	_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(late, 0, file), nil)
	faulttest.AssertKind(t, err, fault.Conflict)
	for range 2 {
		w.Must(w.Expire(t.Context()))
	}

	if u := w.MustFind(late.ID); u.Status != api.UploadExpired {
		t.Errorf("%s", u.Status)
	}
	if u := w.MustFind(good.ID); u.Status != api.UploadOpen {
		t.Errorf("%s, though its time is not over", u.Status)
	}
	assertGone(t, w, late)
	if n := w.Audited(w.Owner, "upload.expire", "done"); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestWhatHasNoRowIsDeletedAndNothingElse is invariant 7.
func TestWhatHasNoRowIsDeletedAndNothingElse(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"MAAS_ORPHAN_GRACE": "1ns"})
	file, tenant := model(t), w.Owner.Tenant
	ready := w.MustVerify(w.MustComplete(transfertest.Wanted(len(file)), file).ID)
	open := w.MustBegin(transfertest.Wanted(len(file)))
	w.MustSend(open, file)
	orphan, manifest := objects.UploadKey(tenant, uuid.New()), objects.ManifestKey(tenant, ref.SumOf([]byte("{}")))
	w.Must(w.Store.Put(t.Context(), orphan, file))
	w.Must(w.Store.Put(t.Context(), manifest, []byte("{}")))
	lost, err := w.Store.CreateMultipart(t.Context(), objects.UploadKey(tenant, uuid.New()))
	w.Must(err)

	for range 2 {
		w.Must(w.Collect(t.Context()))
	}

	for _, key := range []objects.Key{orphan, manifest} {
		if _, err := w.Store.Head(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is still there (%v)", key, err)
		}
	}
	if _, err := w.Store.ListParts(t.Context(), lost); !fault.Is(err, fault.NotFound) {
		t.Errorf("the lost multipart is still there (%v)", err)
	}
	object(t, w, ready)
	done, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: open.ID, Chunks: []ref.Digest{ref.SumOf(file)}})
	w.Must(err)
	if u := w.MustVerify(done.ID); u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
}

func TestWhatIsYoungIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	key := objects.UploadKey(w.Owner.Tenant, uuid.New())
	w.Must(w.Store.Put(t.Context(), key, []byte("about to get its row")))

	w.Must(w.Collect(t.Context()))

	_, err := w.Store.Head(t.Context(), key)
	w.Must(err)
}
