package function

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const (
	route   = "/v1/uploads/"
	none    = "Accept: */*" // no header that matters
	content = "no model, but bytes"
)

func TestAnUploadIsShown(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	u := w.MustBegin(transfertest.Wanted(len(content)))

	var shown map[string]any
	answer := s.Send(http.MethodGet, route+u.ID.String(), "")
	answer.Into(t, http.StatusOK, &shown)

	for field, want := range map[string]any{
		"id": u.ID.String(), "model": "acme/digits", "version": "1.0.0", "path": "model.onnx", "size": 19.0, "chunk_size": 8388608.0,
		"first_chunk_size": 8388608.0, "chunk_count": 1.0, "received_bytes": 0.0, "status": "open", "phase": "receiving", "phase_progress": 0.0,
	} {
		if shown[field] != want {
			t.Errorf("%s is %v, want %v", field, shown[field], want)
		}
	}
	if missing, _ := json.Marshal(shown["missing"]); string(missing) != "[[0,0]]" {
		t.Errorf("missing %s", missing)
	}
	if answer := s.Send(http.MethodGet, route+u.ID.String(), "", "If-None-Match: "+answer.Header.Get("ETag")); answer.Status != http.StatusNotModified {
		t.Errorf("status %d", answer.Status)
	}
}

func TestUploadsAreListedByStatusLatestFirst(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	first, second := w.MustBegin(transfertest.Wanted(1)), w.MustBegin(transfertest.Wanted(1))
	_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: w.MustBegin(transfertest.Wanted(1)).ID})
	w.Must(err)

	var one, two page.Page[api.Upload]
	s.Send(http.MethodGet, "/v1/uploads?status=open&page_size=1", "").Into(t, http.StatusOK, &one)
	s.Send(http.MethodGet, "/v1/uploads?status=open&page_size=1&page_token="+one.Next, "").Into(t, http.StatusOK, &two)

	if len(one.Items) != 1 || one.Items[0].ID != second.ID || len(two.Items) != 1 || two.Items[0].ID != first.ID || two.Next != "" {
		t.Errorf("pages %+v and %+v", one, two)
	}
	var all page.Page[api.Upload]
	s.Send(http.MethodGet, "/v1/uploads", "").Into(t, http.StatusOK, &all)
	if len(all.Items) != 3 {
		t.Errorf("%d uploads", len(all.Items))
	}
}

func TestAnUploadIsCancelled(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	u := w.MustBegin(transfertest.Wanted(1))

	s.Send(http.MethodDelete, route+u.ID.String(), "", `If-Match: "7.7"`).AssertProblem(t, http.StatusPreconditionFailed, "")
	for range 2 {
		if answer := s.Send(http.MethodDelete, route+u.ID.String(), ""); answer.Status != http.StatusNoContent {
			t.Errorf("status %d: %s", answer.Status, answer.Body)
		}
	}
	if u := w.MustFind(u.ID); u.Status != api.UploadCancelled {
		t.Errorf("status %s", u.Status)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	mine := route + w.MustBegin(transfertest.Wanted(1)).ID.String()
	theirs := s.As(w.Token(w.Tenant("rival")))
	nothing := route + uuid.NewString()
	cases := []struct {
		name, method, path, header string
		as                         *transfertest.Server
		status                     int
		field                      string
	}{
		{"an id that is none", http.MethodGet, route + "mine", none, s, 400, "id"},
		{"an id that is none, followed", http.MethodGet, route + "mine/events", none, s, 400, "id"},
		{"no such upload", http.MethodGet, nothing, none, s, 404, ""},
		{"no such upload, followed", http.MethodGet, nothing + "/events", none, s, 404, ""},
		{"no such upload, cancelled", http.MethodDelete, nothing, none, s, 404, ""},
		{"another tenant's", http.MethodGet, mine, none, theirs, 404, ""},
		{"another tenant's, followed", http.MethodGet, mine + "/events", none, theirs, 404, ""},
		{"another tenant's, cancelled", http.MethodDelete, mine, none, theirs, 404, ""},
		{"a status that is none", http.MethodGet, "/v1/uploads?status=lost", none, s, 400, "status"},
		{"an unknown parameter", http.MethodGet, "/v1/uploads?state=open", none, s, 400, "state"},
		{"a page too large", http.MethodGet, "/v1/uploads?page_size=201", none, s, 400, "page_size"},
		{"a forged page", http.MethodGet, "/v1/uploads?page_token=abc", none, s, 400, "page_token"},
		{"an event that is none", http.MethodGet, "/v1/events", "Last-Event-ID: soon", s, 400, "Last-Event-ID"},
		{"nobody", http.MethodGet, mine, none, s.As(""), 401, ""},
		{"a caller", http.MethodGet, mine, none, s.As(w.Token(w.Member(w.Owner, api.Caller))), 403, ""},
		{"a viewer who cancels", http.MethodDelete, mine, none, s.As(w.Token(w.Member(w.Owner, api.Viewer))), 403, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.as.Send(c.method, c.path, "", c.header).AssertProblem(t, c.status, c.field)
		})
	}
}

// told is one Server-Sent Event.
type told struct {
	id, kind string
	state    api.UploadState
}

// listen reads the events of a stream until one is of the kind.
func listen(t *testing.T, s *transfertest.Server, path, after, until string) (heard []told) {
	t.Helper()
	answer := s.Open(path, "Last-Event-ID: "+after)
	defer func() { _ = answer.Body.Close() }()
	var event told
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			event.id = value
		case "event":
			event.kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &event.state); err != nil {
				t.Fatal(err)
			}
			heard = append(heard, event)
			if event.kind == until {
				return heard
			}
		}
	}
	return heard
}

func TestAnUploadIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	u := w.MustBegin(transfertest.Wanted(len(content)))
	heard := make(chan []told)
	go func() { heard <- listen(t, s, route+u.ID.String()+"/events", "", "nothing") }()

	done, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: w.MustSend(u, []byte(content))})
	w.Must(err)
	w.MustVerify(done.ID)

	all := <-heard // the stream ends by itself
	last := all[len(all)-1]
	if all[0].kind != "phase" || last.kind != "failed" || last.state.Status != api.UploadRejected || last.state.Error.Code != "unsupported_format" {
		t.Errorf("heard %+v", all)
	}
	if again := listen(t, s, route+u.ID.String()+"/events", last.id, "nothing"); len(again) != 0 {
		t.Errorf("heard again %+v", again)
	}
}

func TestAllUploadsAreFollowedInOneStream(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-status", open)
	other := w.Tenant("rival")
	w.NewModel(other, "digits")
	theirs := transfertest.Wanted(1)
	theirs.Model.Tenant = "rival"
	_, err := w.Begin(t.Context(), other, theirs)
	w.Must(err)
	u := w.MustComplete(transfertest.Wanted(len(content)), []byte(content))
	w.MustVerify(u.ID)

	heard := listen(t, s, "/v1/events", "0", "failed")

	if len(heard) != 1 || heard[0].state.ID != u.ID {
		t.Errorf("heard %+v", heard)
	}
}
