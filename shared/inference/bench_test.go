package inference_test

import (
	"net/http"
	"strings"
	"testing"
)

// discard is a writer that costs nothing, so that what is measured is ours.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// body is a request's that is read again for each call.
type body struct{ strings.Reader }

// Close implements io.Closer.
func (*body) Close() error { return nil }

// requestOf makes a request that can be served again and again.
func (w *world) requestOf() (next func() *http.Request) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.ContentLength = int64(len(question))
	text := &body{}
	return func() *http.Request {
		text.Reset(question)
		r.Body = text
		return r
	}
}

// BenchmarkKeptAnswer is a call that a kept answer answers, authenticated and metered, without the connection.
func BenchmarkKeptAnswer(b *testing.B) {
	w := newDeterministic(b)
	w.ask(path, question).want(b, http.StatusOK)
	next := w.requestOf()
	out := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		out.header = http.Header{}
		w.handler.ServeHTTP(out, next())
	}
	if out.header.Get("X-Cache") != "hit" {
		b.Errorf("X-Cache is %s", out.header.Get("X-Cache"))
	}
}

func TestAKeptAnswerAllocatesLittle(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate too
	const most = 60 // of them half are httpapi's
	w := newDeterministic(t)
	w.ask(path, question).want(t, http.StatusOK)
	next := w.requestOf()
	out := &discard{}

	n := testing.AllocsPerRun(200, func() {
		out.header = http.Header{}
		w.handler.ServeHTTP(out, next())
	})

	if n > most {
		t.Errorf("a call allocates %.0f times, want %d or fewer", n, most)
	}
}
