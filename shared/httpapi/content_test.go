package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// shelf is content whose reads are counted.
type shelf struct {
	bytes []byte
	reads int
	fails error // what reads fail with after their first byte
}

func (s *shelf) content() Content {
	return Content{
		Size: int64(len(s.bytes)), Tag: "tag", Type: "application/octet-stream", Header: func(h http.Header) { h.Set("Repr-Digest", "x") },
		Check: func(context.Context) error { return nil },
		Read: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			s.reads++
			all := s.bytes[offset : offset+length]
			if s.fails != nil {
				return io.NopCloser(io.MultiReader(bytes.NewReader(all[:1]), cut{s.fails})), nil //nolint:nilerr // it fails while it is read
			}
			return io.NopCloser(bytes.NewReader(all)), nil
		},
	}
}

type cut struct{ err error }

func (c cut) Read([]byte) (int, error) { return 0, c.err }

// ask asks for the content with headers: "Range", "bytes=0-1".
func (s *shelf) ask(method string, headers ...string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest(method, "/", http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	return w, ServeContent(w, r, s.content())
}

func TestARangeOfContentIsAnswered(t *testing.T) {
	t.Parallel()
	const size = 1000
	all := bytes.Repeat([]byte("0123456789"), size/10)
	for header, want := range map[string]string{
		"bytes=0-0":                     "0-0",
		"bytes=990-":                    "990-999",
		"bytes=-5":                      "995-999",
		"bytes=-5000":                   "0-999",
		"bytes=10-99999999999999999999": "10-999",
		"Bytes=1-2":                     "1-2",
		"bytes=5-6, , 2000-":            "5-6",
		"bytes=0-9,5-20":                "0-20",  // they overlap
		"bytes=50-60,0-9":               "0-60",  // they are near each other
		"bytes=0-0,300-300,100-200":     "0-300", // the last is near to both
		"items=0-1":                     "",      // RFC 9110, 14.2: an unknown unit is ignored
		"bytes":                         "",
		"bytes=0-1" + strings.Repeat(",500-501", maxRanges): "", // too many
	} {
		s := shelf{bytes: all}
		w, err := s.ask(http.MethodGet, "Range", header)
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		content, status := all, http.StatusOK
		if want != "" {
			first, last, _ := strings.Cut(want, "-")
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			content, status = all[from:to+1], http.StatusPartialContent
			want = "bytes " + want + "/1000"
		}
		h := w.Header()
		if w.Code != status || !bytes.Equal(w.Body.Bytes(), content) || h.Get("Content-Range") != want ||
			h.Get("Content-Length") != strconv.Itoa(len(content)) || s.reads != 1 {
			t.Errorf("%.40s: %d, %d bytes in %d reads, %v", header, w.Code, w.Body.Len(), s.reads, h)
		}
	}
}

func TestARangeThatIsNotThereIsUnsatisfiable(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"bytes=-0", "bytes=1000-", "bytes=2-1", "bytes=a-b", "bytes=", "bytes=1", "bytes=0-1,x", "bytes=--1", "bytes=1-+2"} {
		s := shelf{bytes: make([]byte, 1000)}
		w, err := s.ask(http.MethodGet, "Range", header)
		faulttest.AssertKind(t, err, fault.Unsatisfiable, "Range")
		if got := w.Header(); got.Get("Content-Range") != "bytes */1000" || got.Get("ETag") != "" || s.reads != 0 {
			t.Errorf("%s: %v, %d reads", header, got, s.reads)
		}
	}
}

func TestSeveralRangesAreSeveralParts(t *testing.T) {
	t.Parallel()
	s := shelf{bytes: bytes.Repeat([]byte("0123456789"), 100)}
	w, err := s.ask(http.MethodGet, "Range", "bytes=900-901,0-1,400-401,402-403")
	if err != nil || w.Code != http.StatusPartialContent || s.reads != 3 || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Fatalf("%v, %d, %d reads, %d bytes, %v", err, w.Code, s.reads, w.Body.Len(), w.Header())
	}
	kind, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(w.Body, params["boundary"])
	for _, want := range []string{"900-901/1000 01", "0-1/1000 01", "400-403/1000 0123"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if got := part.Header.Get("Content-Range") + " " + string(text); err != nil || got != "bytes "+want {
			t.Errorf("a part is %q, %v, want %q", got, err, want)
		}
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last part: %v", err)
	}
}

func TestContentIsAnsweredUnderPreconditions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		headers []string
		status  int // 0: PreconditionFailed
	}{
		{[]string{"If-None-Match", `"tag"`}, http.StatusNotModified},
		{[]string{"If-None-Match", `"x"`, "If-None-Match", `W/"tag"`}, http.StatusNotModified},
		{[]string{"If-None-Match", "*"}, http.StatusNotModified},
		{[]string{"If-None-Match", `"x"`}, http.StatusOK},
		{[]string{"If-Match", `"x", "tag"`}, http.StatusOK},
		{[]string{"If-Match", "*"}, http.StatusOK},
		{[]string{"If-Match", `"x"`}, 0},
		{[]string{"If-Match", `W/"tag"`}, 0}, // If-Match compares strongly
		{[]string{"If-Match", `"x"`, "If-None-Match", `"tag"`}, 0},
		{[]string{"If-Modified-Since", "Tue, 01 Jan 2126 00:00:00 GMT"}, http.StatusOK}, // it has no date
		{[]string{"Range", "bytes=0-0", "If-Range", `"tag"`}, http.StatusPartialContent},
		{[]string{"Range", "bytes=0-0", "If-Range", `W/"tag"`}, http.StatusOK},
		{[]string{"Range", "bytes=0-0", "If-Range", "Tue, 01 Jan 2126 00:00:00 GMT"}, http.StatusOK},
		{[]string{"Range", "bytes=-0", "If-Range", `"x"`}, http.StatusOK},
		{[]string{"Range", "bytes=-0", "If-Match", `"x"`}, 0},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			s := shelf{bytes: []byte("content")}
			w, err := s.ask(method, test.headers...)
			status := test.status
			if method == http.MethodHead && status == http.StatusPartialContent {
				status = http.StatusOK // ranges are GET's alone (RFC 9110, 14.2)
			}
			switch {
			case status == 0:
				faulttest.AssertKind(t, err, fault.PreconditionFailed, "If-Match")
			case err != nil || w.Code != status:
				t.Errorf("%s %v: %d, %v, want %d", method, test.headers, w.Code, err, status)
			case method == http.MethodHead && (w.Body.Len() > 0 || s.reads > 0):
				t.Errorf("HEAD %v: %d bytes in %d reads", test.headers, w.Body.Len(), s.reads)
			case status == http.StatusOK && w.Header().Get("Content-Length") != "7":
				t.Errorf("%s %v: %v", method, test.headers, w.Header())
			}
		}
	}
}

func TestWhatCannotBeReadAtOnceIsNoAnswerYet(t *testing.T) {
	t.Parallel()
	failed := fault.New(fault.Unavailable, "The store is damaged.")
	s := shelf{bytes: make([]byte, 1000), fails: failed}
	for _, header := range []string{"", "bytes=1-", "bytes=0-9,500-510"} {
		if w, err := s.ask(http.MethodGet, "Range", header); !errors.Is(err, failed) || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %v, %v", header, err, w.Header())
		}
	}
}
