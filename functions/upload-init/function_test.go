package function

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const route = "/v1/uploads"

func TestAnUploadIsOpened(t *testing.T) {
	t.Parallel()
	s := transfertest.New(t).Serve("upload-init", open)

	answer := s.Send(http.MethodPost, route, `{"model": "acme/digits", "version": "1.0.0", "filename": "model.onnx", "size": 20000000}`)

	var u api.Upload
	answer.Into(t, http.StatusCreated, &u)
	if u.Status != api.UploadOpen || u.Count != 3 || u.Chunk != 8<<20 || u.Path != "model.onnx" || len(u.Missing) != 1 {
		t.Errorf("upload %s", answer.Body)
	}
	if got := answer.Header.Get("Location"); got != "/v1/uploads/"+u.ID.String() {
		t.Errorf("location %q", got)
	}
}

func TestARepetitionWithItsKeyGivesTheSameUpload(t *testing.T) {
	t.Parallel()
	s := transfertest.New(t).Serve("upload-init", open)
	const body = `{"model": "acme/digits", "bump": "minor", "filename": "model.onnx", "size": 9}`
	var first, second api.Upload

	s.Send(http.MethodPost, route, body, "Idempotency-Key: once").Into(t, http.StatusCreated, &first)
	s.Send(http.MethodPost, route, body, "Idempotency-Key: once").Into(t, http.StatusCreated, &second)

	if first.ID != second.ID || first.Version.String() != second.Version.String() || second.Version.String() != "0.1.0" {
		t.Errorf("%s %s, then %s %s", first.ID, first.Version, second.ID, second.Version)
	}
	s.Send(http.MethodPost, route, strings.Replace(body, "minor", "major", 1), "Idempotency-Key: once").
		AssertProblem(t, http.StatusUnprocessableEntity, "Idempotency-Key")
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	w.NewModel(w.Tenant("rival"), "secret")
	s := w.Serve("upload-init", open)
	cases := []struct {
		name, change string // added to a good request, or put in the place of its field
		status       int
		field        string
	}{
		{"no model", `"model": null`, 400, "model"},
		{"a model without tenant", `"model": "digits"`, 400, "model"},
		{"a model that is a number", `"model": 1`, 400, "model"},
		{"no such model", `"model": "acme/nothing"`, 404, "model"},
		{"another tenant's model", `"model": "rival/secret"`, 404, "model"},
		{"no version", `"version": null`, 400, "version"},
		{"version and bump", `"bump": "minor"`, 400, "bump"},
		{"no semantic version", `"version": "v1"`, 400, "version"},
		{"build metadata", `"version": "1.0.0+a"`, 400, "version"},
		{"a bump of nothing", `"bump": "huge"`, 400, "bump"},
		{"no size", `"size": null`, 400, "size"},
		{"an empty file", `"size": 0`, 400, "size"},
		{"a negative size", `"size": -1`, 400, "size"},
		{"a size in words", `"size": "9"`, 400, "size"},
		{"a size beyond the limit", `"size": ` + strconv.FormatInt(100<<30+1, 10), 413, "size"},
		{"a size beyond numbers", `"size": 99999999999999999999`, 400, "size"},
		{"no filename", `"filename": null`, 400, "filename"},
		{"an absolute path", `"path": "/etc/passwd"`, 400, "path"},
		{"a path that climbs", `"path": "a/../../b"`, 400, "path"},
		{"a control character", `"filename": "a\u0000b"`, 400, "filename"},
		{"a digest in capitals", `"sha256": "` + strings.Repeat("A", 64) + `"`, 400, "sha256"},
		{"a short MD5", `"md5": "abc"`, 400, "md5"},
		{"a chunk that is no power of two", `"chunk_size": 9000000`, 400, "chunk_size"},
		{"a chunk too small", `"chunk_size": 4194304`, 400, "chunk_size"},
		{"a chunk too large", `"chunk_size": 1073741824`, 400, "chunk_size"},
		{"a first chunk that is shorter", `"first_chunk_size": 1`, 400, "first_chunk_size"},
		{"another format", `"format": "hdf5"`, 422, "format"},
		{"direct mode", `"mode": "direct"`, 422, "mode"},
		{"an unknown mode", `"mode": "fast"`, 400, "mode"},
		{"an unknown field", `"colour": "red"`, 400, "colour"},
		{"an unknown parent", `"lineage": {"parent": "acme/digits@0.9.0"}`, 400, "lineage.parent"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.Send(http.MethodPost, route, with(c.change)).AssertProblem(t, c.status, c.field)
		})
	}
}

// with returns a good request in which one field is another.
func with(change string) string {
	fields := []string{`"model": "acme/digits"`, `"version": "1.0.0"`, `"filename": "model.onnx"`, `"size": 9`}
	name, _, _ := strings.Cut(change, ":")
	var kept []string
	for _, field := range fields {
		if !strings.HasPrefix(field, name+":") {
			kept = append(kept, field)
		}
	}
	if !strings.HasSuffix(change, "null") {
		kept = append(kept, change)
	}
	return "{" + strings.Join(kept, ", ") + "}"
}

func TestOnlyThoseWhoMayUploadDo(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	s := w.Serve("upload-init", open)

	s.As("").Send(http.MethodPost, route, with("")).AssertProblem(t, http.StatusUnauthorized, "")
	s.As("forged").Send(http.MethodPost, route, with("")).AssertProblem(t, http.StatusUnauthorized, "")
	s.As(w.Token(w.Member(w.Owner, api.Viewer))).Send(http.MethodPost, route, with("")).AssertProblem(t, http.StatusForbidden, "")
}
