package objects_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

// content stores bytes and returns what they are.
func (w world) content(key objects.Key, stored []byte) objects.Content {
	w.Helper()
	w.must(w.Put(w.Context(), key, stored))
	return objects.Content{Key: key, Path: "a/b", Size: int64(len(stored)), SHA256: ref.SumOf(stored)}
}

func (w world) assertDamaged(err error) {
	w.Helper()
	faulttest.AssertKind(w, err, fault.Unavailable)
	if d := objects.AsDamage(err); d == nil || d.What != "a/b" {
		w.Errorf("%v is about %v", err, d)
	}
}

func TestContentIsReadWholeAndInPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := random(300 << 10)
	c := w.content(w.key, all)
	w.must(w.CheckContent(t.Context(), c))
	for _, part := range [][2]int64{{0, c.Size}, {0, 1}, {100, 1000}, {c.Size - 5, 5}} {
		body, err := w.ReadContent(t.Context(), c, part[0], part[1])
		w.must(err)
		got, err := io.ReadAll(body)
		w.must(err)
		w.must(body.Close())
		if !bytes.Equal(got, all[part[0]:part[0]+part[1]]) {
			t.Errorf("%v gives %d other bytes", part, len(got))
		}
	}
}

func TestContentThatIsNotWhatItShouldBeIsDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.content(w.key, []byte("content"))
	longer, gone := c, c
	longer.Size, gone.Key = 8, w.key+"-gone"

	for _, wrong := range []objects.Content{longer, gone} {
		w.assertDamaged(w.CheckContent(t.Context(), wrong))
		_, err := w.ReadContent(t.Context(), wrong, 0, wrong.Size)
		w.assertDamaged(err)
	}
}

func TestDamagedContentIsNeverReadToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stored := random(300 << 10)
	c := w.content(w.key, stored)
	c.SHA256 = ref.SumOf([]byte("what was published"))

	body, err := w.ReadContent(t.Context(), c, 0, c.Size)
	w.must(err)
	defer func() { w.must(body.Close()) }()
	got, err := io.ReadAll(body)

	w.assertDamaged(err)
	if len(got) >= len(stored) {
		t.Errorf("%d bytes of %d were given", len(got), len(stored))
	}
}
