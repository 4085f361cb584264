package transfer_test

import (
	"bytes"
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/transfertest"
)

// TestACompletionThatAnotherPassesSucceeds holds a completion up before it asks the store, until another one's upload is verified.
func TestACompletionThatAnotherPassesSucceeds(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	vars := maps.Clone(w.Vars)
	var meanwhile func()
	var once sync.Once
	vars["S3_ENDPOINT"] = interrupted(t, vars["S3_ENDPOINT"], func() { once.Do(func() { meanwhile() }) })
	late := w.Open(vars)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	complete := api.CompleteRequest{ID: u.ID, Chunks: w.MustSend(u, file)}
	passed := false
	meanwhile = func() {
		_, err := w.Complete(t.Context(), w.Owner, complete)
		w.Must(err)
		passed = w.MustVerify(u.ID).Status == api.UploadReady
	}

	done, err := late.Complete(t.Context(), w.Owner, complete)

	if w.Must(err); !passed || done.Status != api.UploadReady {
		t.Errorf("%s, passed %t", done.Status, passed)
	}
}

// TestRepeatedCompletionsAllSucceed races completions of one upload with its verification.
func TestRepeatedCompletionsAllSucceed(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t, map[string]string{"DATABASE_POOL": "10"}), model(t)
	for range 20 {
		u := w.MustBegin(transfertest.Wanted(len(file)))
		complete := api.CompleteRequest{ID: u.ID, Chunks: w.MustSend(u, file)}
		var racers sync.WaitGroup
		for range 4 {
			racers.Go(func() {
				for range 5 {
					if _, err := w.Complete(t.Context(), w.Owner, complete); err != nil {
						t.Error(err)
					}
				}
			})
			racers.Go(func() {
				if err := w.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)); err != nil && !fault.Is(err, fault.Unavailable) {
					t.Error(err)
				}
			})
		}
		racers.Wait()
		if u := w.MustVerify(u.ID); u.Status != api.UploadReady {
			t.Errorf("%+v", u)
		}
	}
}

func TestACompletedUploadKnowsItsChunks(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), large(t)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	chunks := w.MustSend(u, file)
	other := append([]ref.Digest{}, chunks...)
	other[2] = ref.SumOf([]byte("other bytes"))
	_, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: chunks})
	w.Must(err)
	again := func(at string) {
		t.Helper()
		_, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: chunks})
		w.Must(err)
		for _, wrong := range [][]ref.Digest{other, chunks[:2], nil} {
			_, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: wrong})
			faulttest.AssertKind(t, err, fault.Conflict, "chunks")
		}
		last := transfertest.Cut(u, file)[2]
		received, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 2, last), nil) // it is not read
		if w.Must(err); received.Received != u.Size {
			t.Errorf("%s: %d bytes are received, want %d", at, received.Received, u.Size)
		}
		wrong := bytes.Repeat([]byte("x"), len(last))
		_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 2, wrong), nil)
		faulttest.AssertKind(t, err, fault.Conflict, "sha256")
	}

	again("before verification")
	w.MustVerify(u.ID)
	again("after verification")
}

func TestAKeyOfACompletionStandsForOneRequest(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), model(t)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	chunks := w.MustSend(u, file)
	with := func(key, body string) context.Context {
		return idempotency.With(t.Context(), idempotency.Key{Value: key, Route: "complete", Body: [32]byte(ref.SumOf([]byte(body)).Bytes())})
	}
	first, second := uuid.NewString(), uuid.NewString()
	complete := api.CompleteRequest{ID: u.ID, Chunks: chunks}

	_, err := w.Complete(with(first, "the list"), w.Owner, complete)
	w.Must(err)
	_, err = w.Complete(with(first, "the list"), w.Owner, complete)
	w.Must(err)
	_, err = w.Complete(with(first, "another list"), w.Owner, api.CompleteRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.Unprocessable, "Idempotency-Key")

	w.MustVerify(u.ID)
	_, err = w.Complete(with(second, "the list"), w.Owner, complete)
	w.Must(err)
	_, err = w.Complete(with(second, "another list"), w.Owner, complete)
	faulttest.AssertKind(t, err, fault.Unprocessable, "Idempotency-Key")
	again, err := w.Complete(with(first, "the list"), w.Owner, complete)
	if w.Must(err); again.Status != api.UploadReady {
		t.Errorf("the upload is told to be %s", again.Status)
	}
}
