package function

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const content = "the bytes of a chunk"

// begin opens an upload of one chunk, and returns the chunk's address.
func begin(w *transfertest.World) (u api.Upload, address string) {
	u = w.MustBegin(transfertest.Wanted(len(content)))
	return u, fmt.Sprintf("/v1/uploads/%s/chunks/0", u.ID)
}

func digest(s string) string {
	return "Content-Digest: sha-256=:" + ref.SumOf([]byte(s)).Base64() + ":"
}

func TestAChunkIsStored(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	u, address := begin(w)

	var received api.ReceivedChunk
	s.Send(http.MethodPut, address, content, digest(content)).Into(t, http.StatusOK, &received)

	want := api.ReceivedChunk{Index: 0, Size: u.Size, SHA256: ref.SumOf([]byte(content)), Received: u.Size}
	if received != want {
		t.Errorf("received %+v, want %+v", received, want)
	}
	if u := w.MustFind(u.ID); u.Received != u.Size || len(u.Missing) != 0 {
		t.Errorf("upload %+v", u)
	}
}

func TestTheSameChunkAgainIsNoError(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	_, address := begin(w)
	s.Send(http.MethodPut, address, content, digest(content))

	var again api.ReceivedChunk
	s.Send(http.MethodPut, address, content, "X-Chunk-SHA256: "+ref.SumOf([]byte(content)).String()).Into(t, http.StatusOK, &again)

	if again.Received != int64(len(content)) {
		t.Errorf("received %+v", again)
	}
}

func TestOtherBytesUnderAnIndexAreAConflict(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	_, address := begin(w)
	s.Send(http.MethodPut, address, content, digest(content))

	other := strings.ToUpper(content)
	s.Send(http.MethodPut, address, other, digest(other)).AssertProblem(t, http.StatusConflict, "sha256")
}

func TestAWrongDigestLeavesNothing(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	u, address := begin(w)

	s.Send(http.MethodPut, address, content, digest("other bytes")).AssertProblem(t, http.StatusUnprocessableEntity, "sha256")

	if u := w.MustFind(u.ID); u.Received != 0 {
		t.Errorf("received %d bytes", u.Received)
	}
	var right api.ReceivedChunk
	s.Send(http.MethodPut, address, content, digest(content)).Into(t, http.StatusOK, &right) // and the place is free
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	u, address := begin(w)
	chunk := strings.TrimSuffix(address, "0")
	cases := []struct {
		name, path, body string
		headers          []string
		status           int
		field            string
	}{
		{"no digest", address, content, nil, 400, "Content-Digest"},
		{"a digest of another kind alone", address, content, []string{"Content-Digest: sha-512=:AAAA:"}, 400, "Content-Digest"},
		{"a digest that is too short", address, content, []string{"Content-Digest: sha-256=:AAAA:"}, 400, "Content-Digest"},
		{"a digest without colons", address, content, []string{"Content-Digest: sha-256=" + ref.SumOf(nil).Base64()}, 400, "Content-Digest"},
		{"a digest in capitals", address, content, []string{"X-Chunk-SHA256: " + strings.Repeat("A", 64)}, 400, "X-Chunk-SHA256"},
		{"two digests that differ", address, content, []string{digest(content), "X-Chunk-SHA256: " + ref.SumOf(nil).String()}, 400, "X-Chunk-SHA256"},
		{"too few bytes", address, content[1:], []string{digest(content[1:])}, 400, "Content-Length"},
		{"too many bytes", address, content + "!", []string{digest(content + "!")}, 400, "Content-Length"},
		{"an index beyond the last", chunk + "1", content, []string{digest(content)}, 400, "n"},
		{"a negative index", chunk + "-1", content, []string{digest(content)}, 400, "n"},
		{"an index in words", chunk + "one", content, []string{digest(content)}, 400, "n"},
		{"an index beyond numbers", chunk + "99999999999999999999", content, []string{digest(content)}, 400, "n"},
		{"an id that is none", "/v1/uploads/mine/chunks/0", content, []string{digest(content)}, 400, "id"},
		{"no such upload", "/v1/uploads/" + uuid.NewString() + "/chunks/0", content, []string{digest(content)}, 404, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.Send(http.MethodPut, c.path, c.body, c.headers...).AssertProblem(t, c.status, c.field)
			if u := w.MustFind(u.ID); u.Received != 0 {
				t.Errorf("received %d bytes", u.Received)
			}
		})
	}
}

func TestAnUploadIsFoundByItsTenantAlone(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	_, address := begin(w)

	s.As("").Send(http.MethodPut, address, content, digest(content)).AssertProblem(t, http.StatusUnauthorized, "")
	s.As(w.Token(w.Tenant("rival"))).Send(http.MethodPut, address, content, digest(content)).AssertProblem(t, http.StatusNotFound, "")
	s.As(w.Token(w.Member(w.Owner, api.Caller))).Send(http.MethodPut, address, content, digest(content)).AssertProblem(t, http.StatusForbidden, "")
}

func TestACancelledUploadTakesNoChunks(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-chunk", open)
	u, address := begin(w)
	_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})
	w.Must(err)

	s.Send(http.MethodPut, address, content, digest(content)).AssertProblem(t, http.StatusConflict, "")
}
