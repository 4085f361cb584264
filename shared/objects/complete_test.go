package objects_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/objects"
)

func TestCompleteMakesTheObjectOfItsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	object, content := w.upload(3)

	got := make([]byte, object.Size)
	if _, err := w.Reader(t.Context(), w.key, object.Size).ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the object has %d bytes, want the %d that were sent: %v", object.Size, len(content), err)
	}
}

func TestCompleteTwiceIsTheSameSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	parts := []objects.Part{w.put(m, 1, random(unit)), w.put(m, 2, random(10))}

	first, err := w.Complete(t.Context(), m, parts)
	w.must(err)
	again, err := w.Complete(t.Context(), m, parts)
	w.must(err)

	if first != again {
		t.Errorf("the second answer is %v, the first was %v", again, first)
	}
}

func TestCompleteManyAtOnceSucceedsOrAsksToTryAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	parts := []objects.Part{w.put(m, 1, random(unit)), w.put(m, 2, random(10))}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := w.Complete(t.Context(), m, parts); err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("one of eight: %v", err)
			}
		})
	}
	group.Wait()

	_, err := w.Complete(t.Context(), m, parts)
	w.must(err)
}

func TestCompleteOfOtherPartsUnderATakenKeyConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.upload(1)
	m := w.begin()
	part := w.put(m, 1, random(unit)) // as many bytes, but others

	_, err := w.Complete(t.Context(), m, []objects.Part{part})

	faulttest.AssertKind(t, err, fault.Conflict)
}

func TestCompleteOfPartsThatTheStoreDoesNotHoldConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	held := w.put(m, 1, random(unit))
	lost := partOf(2, random(10))
	lost.ETag = held.ETag

	_, err := w.Complete(t.Context(), m, []objects.Part{held, lost})

	faulttest.AssertKind(t, err, fault.Conflict)
}

func TestCompleteOfNoPartsConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	_, err := w.Complete(t.Context(), w.begin(), nil)

	faulttest.AssertKind(t, err, fault.Conflict)
}

func TestCompleteOfAnAbortedUploadAsksToTryAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	part := w.put(m, 1, random(unit))
	w.must(w.Abort(t.Context(), m))

	_, err := w.Complete(t.Context(), m, []objects.Part{part})

	faulttest.AssertKind(t, err, fault.Unavailable)
}

func TestAbortDropsTheParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	w.put(m, 1, random(10))

	w.must(w.Abort(t.Context(), m))
	w.must(w.Abort(t.Context(), m)) // again is no error

	_, err := w.ListParts(t.Context(), m)
	faulttest.AssertKind(t, err, fault.NotFound)
}

func TestAbortLeavesAnObjectThatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.upload(1)
	m := w.begin()

	err := w.Abort(t.Context(), m)

	faulttest.AssertKind(t, err, fault.Conflict)
	_, err = w.Head(t.Context(), w.key)
	w.must(err)
}

func TestUnfinishedUploadsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()

	var found []objects.Multipart
	for begun, err := range w.Unfinished(t.Context(), string(w.key)) {
		w.must(err)
		found = append(found, begun.Multipart)
	}

	if !slices.Equal(found, []objects.Multipart{m}) {
		t.Errorf("unfinished are %v, want %v", found, m)
	}
}
