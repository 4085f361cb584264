package function

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const content = "no model, but bytes"

func body(digests ...ref.Digest) string {
	quoted := make([]string, len(digests))
	for i, d := range digests {
		quoted[i] = `"` + d.String() + `"`
	}
	return `{"chunks": [` + strings.Join(quoted, ", ") + `]}`
}

// sent opens an upload and sends its one chunk.
func sent(w *transfertest.World) (address string, chunks []ref.Digest) {
	u := w.MustBegin(transfertest.Wanted(len(content)))
	return fmt.Sprintf("/v1/uploads/%s/complete", u.ID), w.MustSend(u, []byte(content))
}

func TestAnUploadIsCompleted(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	address, chunks := sent(w)

	answer := s.Send(http.MethodPost, address, body(chunks...))

	var u api.Upload
	answer.Into(t, http.StatusAccepted, &u)
	if u.Status != api.UploadCompleting || answer.Header.Get("Location") != "/v1/uploads/"+u.ID.String() {
		t.Errorf("%s at %s", answer.Body, answer.Header.Get("Location"))
	}
}

func TestToCompleteAgainIsNoError(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	address, chunks := sent(w)
	s.Send(http.MethodPost, address, body(chunks...))

	var u api.Upload
	s.Send(http.MethodPost, address, body(chunks...)).Into(t, http.StatusAccepted, &u)
	if u.Status != api.UploadCompleting {
		t.Errorf("status %s", u.Status)
	}
	w.MustVerify(u.ID)
	s.Send(http.MethodPost, address, body(chunks...)).Into(t, http.StatusAccepted, &u)
	if u.Status != api.UploadRejected || u.Error == nil || u.Error.Code != "unsupported_format" {
		t.Errorf("status %s, error %v", u.Status, u.Error)
	}
}

func TestOneWaitsForTheEndAsLongAsOnePrefers(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	address, chunks := sent(w)

	began := time.Now()
	answer := s.Send(http.MethodPost, address, body(chunks...), "Prefer: wait=1") // nobody verifies
	if waited := time.Since(began); answer.Status != http.StatusAccepted || waited < time.Second || waited > 5*time.Second {
		t.Errorf("status %d after %s", answer.Status, waited)
	}
	if got := answer.Header.Get("Preference-Applied"); got != "wait=1" {
		t.Errorf("applied %q", got)
	}
}

func TestMissingChunksAreNamed(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	u := w.MustBegin(transfertest.Wanted(20 << 20))
	chunk := make([]byte, 8<<20)
	_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 1, chunk), strings.NewReader(string(chunk)))
	w.Must(err)

	digest := ref.SumOf(chunk)
	answer := s.Send(http.MethodPost, fmt.Sprintf("/v1/uploads/%s/complete", u.ID), body(digest, digest, digest))

	answer.AssertProblem(t, http.StatusConflict, "missing")
	if text := string(answer.Body); !strings.Contains(text, `"0-0"`) || !strings.Contains(text, `"2-2"`) || strings.Contains(text, `"1-1"`) {
		t.Errorf("problem %s", text)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	address, chunks := sent(w)
	other := ref.SumOf([]byte("other"))
	cases := []struct {
		name, path, body string
		headers          []string
		status           int
		field            string
	}{
		{"no list", address, `{}`, nil, 400, "chunks"},
		{"a list of numbers", address, `{"chunks": [1]}`, nil, 400, "chunks[0]"},
		{"a digest that is none", address, `{"chunks": ["abc"]}`, nil, 400, "chunks[0]"},
		{"too few", address, body(), nil, 400, "chunks"},
		{"too many", address, body(append(chunks, other)...), nil, 400, "chunks"},
		{"another digest", address, body(other), nil, 409, "chunks[0]"},
		{"an unknown field", address, `{"chunks": [], "etags": []}`, nil, 400, "etags"},
		{"no object", address, `[]`, nil, 400, ""},
		{"too long a wait", address, body(chunks...), []string{"Prefer: wait=61"}, 400, "Prefer"},
		{"a wait in words", address, body(chunks...), []string{"Prefer: wait=long"}, 400, "Prefer"},
		{"another type", address, body(chunks...), []string{"Content-Type: text/plain"}, 400, "Content-Type"},
		{"an id that is none", "/v1/uploads/mine/complete", body(chunks...), nil, 400, "id"},
		{"no such upload", "/v1/uploads/" + uuid.NewString() + "/complete", body(chunks...), nil, 404, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.Send(http.MethodPost, c.path, c.body, c.headers...).AssertProblem(t, c.status, c.field)
		})
	}
}

func TestAnUploadIsFoundByItsTenantAlone(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("complete", open)
	address, chunks := sent(w)

	s.As("").Send(http.MethodPost, address, body(chunks...)).AssertProblem(t, http.StatusUnauthorized, "")
	s.As(w.Token(w.Tenant("rival"))).Send(http.MethodPost, address, body(chunks...)).AssertProblem(t, http.StatusNotFound, "")
	s.As(w.Token(w.Member(w.Owner, api.Viewer))).Send(http.MethodPost, address, body(chunks...)).AssertProblem(t, http.StatusForbidden, "")
}
