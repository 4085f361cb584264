package objects_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

func TestPutWritesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := objects.ManifestKey(w.tenant, ref.SumOf([]byte("a")))

	w.must(w.Put(t.Context(), key, []byte("a")))
	w.must(w.Put(t.Context(), key, []byte("a")))
	faulttest.AssertKind(t, w.Put(t.Context(), key, []byte("b")), fault.Conflict)
	faulttest.AssertKind(t, w.Put(t.Context(), key, []byte("longer")), fault.Conflict)

	if got, err := w.Get(t.Context(), key, 1); err != nil || string(got) != "a" {
		t.Errorf("the object is %q, %v", got, err)
	}
}

func TestGetRefusesMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Put(t.Context(), w.key, random(11)))

	_, err := w.Get(t.Context(), w.key, 10)

	faulttest.AssertKind(t, err, fault.TooLarge)
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	_, err := w.Head(t.Context(), w.key)
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Get(t.Context(), w.key, 10)
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Range(t.Context(), w.key, 0, 1)
	faulttest.AssertKind(t, err, fault.NotFound)
	w.must(w.Delete(t.Context(), w.key))
}

func TestAMissingBucketIsAnOutageAndNoMissingObject(t *testing.T) {
	t.Parallel()
	vars := objectstest.Environment(t)
	vars["S3_BUCKET"] += "-not"
	store := objectstest.Open(t, vars)

	_, err := store.Head(t.Context(), "x")
	faulttest.AssertKind(t, err, fault.Unavailable)
	_, err = store.Get(t.Context(), "x", 10)
	faulttest.AssertKind(t, err, fault.Unavailable)
	faulttest.AssertKind(t, store.Put(t.Context(), "x", nil), fault.Unavailable)
	faulttest.AssertKind(t, store.Ready(t.Context()), fault.Unavailable)
}

func TestEnsureBucketMakesItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // has made it

	w.must(w.EnsureBucket(t.Context()))
	w.must(w.Ready(t.Context()))
}

func TestRangesAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(1000)
	w.must(w.Put(t.Context(), w.key, content))

	body, err := w.Range(t.Context(), w.key, 10, 20)
	w.must(err)
	got, err := io.ReadAll(body)
	w.must(err)
	w.must(body.Close())

	if !bytes.Equal(got, content[10:30]) {
		t.Errorf("got %d bytes that are not the range", len(got))
	}
}

func TestRangesOutsideTheObjectAreInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Put(t.Context(), w.key, random(100)))
	for _, c := range [][2]int64{{-1, 2}, {0, 0}, {90, 11}, {100, 1}, {0, 101}} {
		_, err := w.Range(t.Context(), w.key, c[0], c[1])
		faulttest.AssertKind(t, err, fault.Invalid, "Range")
	}
}

func TestAReaderReadsAtAnyPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(3<<20 + 17) // more blocks than one, the last one short
	w.must(w.Put(t.Context(), w.key, content))

	reader := io.NewSectionReader(w.Reader(t.Context(), w.key, int64(len(content))), 0, int64(len(content)))

	if err := iotest.TestReader(reader, content); err != nil {
		t.Error(err)
	}
}

func TestListGivesThePrefixInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []objects.Key{"t/b/2", "t/b/1", "t/a/1"} {
		w.must(w.Put(t.Context(), key, []byte(key)))
	}

	var keys []objects.Key
	for object, err := range w.List(t.Context(), "t/b/") {
		w.must(err)
		keys = append(keys, object.Key)
	}

	if len(keys) != 2 || keys[0] != "t/b/1" || keys[1] != "t/b/2" {
		t.Errorf("listed %q", keys)
	}
}
