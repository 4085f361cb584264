package objects_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/faulttest"
)

func TestContentIsReadFromWhereItIsSoughtTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	object, all := w.upload(1)
	c, err := w.Content(t.Context(), object.Key, object.Size)
	w.must(err)
	defer func() { w.must(c.Close()) }()

	for _, offset := range []int64{0, 100, 3, object.Size - 5, object.Size} {
		if at, err := c.Seek(offset, io.SeekStart); err != nil || at != offset {
			t.Fatalf("sought to %d, %v", at, err)
		}
		want := all[offset:min(offset+10, object.Size)]
		got, err := io.ReadAll(io.LimitReader(c, 10))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d: %d bytes, %v, want %d", offset, len(got), err, len(want))
		}
	}
	if end, err := c.Seek(0, io.SeekEnd); err != nil || end != object.Size {
		t.Errorf("the end is at %d, %v", end, err)
	}
	if _, err := c.Seek(-1, io.SeekStart); err == nil {
		t.Error("there is something before the begin")
	}
}

func TestContentThatIsNotWhatARowSaysIsADefect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Put(t.Context(), w.key, []byte("content")))
	_, err := w.Content(t.Context(), w.key, 8)
	faulttest.AssertKind(t, err, fault.Internal)
	_, err = w.Content(t.Context(), w.key+"-gone", 7)
	faulttest.AssertKind(t, err, fault.Internal)
}

func TestContentTellsWhyItBrokeOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Put(t.Context(), w.key, []byte("content")))
	c, err := w.Content(t.Context(), w.key, 7)
	w.must(err)
	w.must(w.Delete(t.Context(), w.key))
	_, err = io.ReadAll(c)
	faulttest.AssertKind(t, err, fault.NotFound)
	faulttest.AssertKind(t, c.Err(), fault.NotFound)
}
