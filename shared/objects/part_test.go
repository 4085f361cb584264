package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/objects"
)

func TestPartsAreListedAsTheyWereSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	second, first := w.put(m, 2, random(1000)), w.put(m, 1, random(unit))

	got, err := w.ListParts(t.Context(), m)
	w.must(err)

	if !slices.Equal(got, []objects.Part{first, second}) {
		t.Errorf("parts are %v, want %v and %v", got, first, second)
	}
}

func TestPartsBeyondOnePageAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	const parts = 1001 // a page has 1,000
	for n := range int32(parts) {
		w.put(m, n+1, []byte{byte(n)})
	}

	got, err := w.ListParts(t.Context(), m)
	w.must(err)

	if len(got) != parts || got[parts-1].Number != parts {
		t.Errorf("%d parts are listed, want %d", len(got), parts)
	}
}

func TestBytesThatDoNotHaveTheirDigestLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	other := random(unit)

	_, err := w.PutPart(t.Context(), m, partOf(1, random(unit)), bytes.NewBuffer(other))

	faulttest.AssertKind(t, err, fault.Unprocessable, "sha256")
	if parts, err := w.ListParts(t.Context(), m); err != nil || len(parts) != 0 {
		t.Errorf("the store keeps %v, %v", parts, err)
	}
}

func TestTheFaultOfABodyIsToldFromTheStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	content := random(unit)
	half := bytes.NewReader(content[:unit/2])
	limited := http.MaxBytesReader(nil, io.NopCloser(bytes.NewReader(content)), 1000)
	for name, c := range map[string]struct {
		body io.Reader
		want fault.Kind
	}{
		"ends early":     {half, fault.Invalid},
		"empty":          {strings.NewReader(""), fault.Invalid},
		"client gone":    {iotest.ErrReader(io.ErrUnexpectedEOF), fault.Canceled},
		"too slow":       {iotest.ErrReader(context.DeadlineExceeded), fault.Timeout},
		"over its limit": {limited, fault.TooLarge},
		"own fault":      {iotest.ErrReader(fault.New(fault.QuotaExceeded, "enough")), fault.QuotaExceeded},
	} {
		_, err := w.PutPart(t.Context(), m, partOf(1, content), c.body)
		if got := fault.KindOf(err); err == nil || got != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if parts, err := w.ListParts(t.Context(), m); err != nil || len(parts) != 0 {
		t.Errorf("the store keeps %v, %v", parts, err)
	}
}

func TestALongerBodyIsReadNoFurtherThanItsSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(unit)
	body := bytes.NewBuffer(append(slices.Clone(content), "more"...))

	_, err := w.PutPart(t.Context(), w.begin(), partOf(1, content), body)
	w.must(err)

	if body.String() != "more" {
		t.Errorf("%d bytes are left of the body, want 4", body.Len())
	}
}

func TestACallerThatGoesAwayCancels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	defer func() { _ = writer.CloseWithError(errors.New("gone")) }()
	time.AfterFunc(50*time.Millisecond, cancel)

	_, err := w.PutPart(ctx, m, partOf(1, random(unit)), reader)

	faulttest.AssertKind(t, err, fault.Canceled)
}

func TestPartNumbersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	for _, number := range []int32{0, -1, 10_001} {
		_, err := w.PutPart(t.Context(), m, partOf(number, []byte("x")), strings.NewReader("x"))
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestAPartOfNoUploadIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.begin()
	w.must(w.Abort(t.Context(), m))

	_, err := w.PutPart(t.Context(), m, partOf(1, []byte("x")), strings.NewReader("x"))

	faulttest.AssertKind(t, err, fault.NotFound)
}
