package inference

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/share"
)

func FuzzKeptAnswersAreReadAsTheyWereWritten(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{200, 200, 200, 200, 200, 200, 200, 200, 200, 1})
	for _, k := range []*kept{
		{id: "7", answer: &answer{contentType: "application/json", header: "12", whole: []byte(`{"outputs":[]}`)}},
		{id: "8", at: "elsewhere"},
	} {
		whole, err := encodeKept(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole)
		f.Add(whole[:5])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decodeKept(text)
		if err != nil {
			return
		}
		again, err := encodeKept(k)
		if err != nil {
			t.Fatal(err)
		}
		l, err := decodeKept(again)
		if err != nil || l.id != k.id || l.at != k.at || !same(k.answer, l.answer) {
			t.Errorf("%q is read as %+v, and again as %+v, %v", text, k, l, err)
		}
	})
}

func same(a, b *answer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.anonymous && b.anonymous && a.contentType == b.contentType && a.header == b.header && bytes.Equal(a.whole, b.whole)
}

func newLoan(t *testing.T) *loan {
	t.Helper()
	l := &loan{}
	l.lend(share.NewPool(share.Limit{Most: 8 << 20, Noun: "bytes", Setting: "MAAS_INFER_MEMORY"}), share.Holder{Tenant: "a", Credential: "1"})
	t.Cleanup(l.leave)
	return l
}

// drops is a body that sends a byte now and then, whatever its deadline is.
type drops struct{}

func (drops) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	p[0] = 'x'
	return 1, nil
}

func TestABodyThatKeepsComingEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newLoan(t).readInTime(ctx, httptest.NewRecorder(), drops{}, -1, 1<<20)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

// overwritten is a body whose first deadline is overwritten by another, and its response writer.
type overwritten struct {
	http.ResponseWriter

	deadlines chan time.Time
}

func (o *overwritten) SetReadDeadline(at time.Time) error {
	select {
	case o.deadlines <- at:
	default:
	}
	return nil
}

func (o *overwritten) Read([]byte) (int, error) {
	<-o.deadlines
	<-o.deadlines
	return 0, os.ErrDeadlineExceeded
}

func TestADeadlineThatIsOverwrittenIsSetAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	o := &overwritten{httptest.NewRecorder(), make(chan time.Time)}
	_, err := newLoan(t).readInTime(ctx, o, o, -1, 1<<20)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

// TestABodyOfTheLimitTakesTwiceItsLength has lengths at which a buffer that doubles would end with nothing to spare.
func TestABodyOfTheLimitTakesTwiceItsLength(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{1, 8 << 10, 100_000, 1 << 20} {
		l := &loan{}
		l.lend(share.NewPool(share.Limit{Most: bodiesInMemory * limit, Noun: "bytes", Setting: "MAAS_INFER_MEMORY"}), share.Holder{})
		body, err := l.read(bytes.NewReader(make([]byte, limit)), -1, limit)
		if err != nil || int64(len(body)) != limit {
			t.Errorf("of %d bytes %d came: %v", limit, len(body), err)
		}
		l.leave()
	}
}
