package field

import (
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestARepeatedRequestOfACompletedUploadIsToldFromAnother repeats chunks, completions and keys, the same and with other bytes.
func TestARepeatedRequestOfACompletedUploadIsToldFromAnother(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	file := e2etest.Content(t, "digits.onnx")
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", len(file))
	digest, other := s.Chunk(upload, file), e2etest.Digest([]byte("other bytes"))
	key := map[string]string{"Idempotency-Key": "first", "Prefer": "wait=30"}
	s.Must(completion(s, upload, key, digest), http.StatusAccepted, nil)
	s.Becomes(upload, `"status":"ready"`)

	s.Must(completion(s, upload, key, digest), http.StatusAccepted, nil)
	s.Must(completion(s, upload, nil, digest), http.StatusAccepted, nil)
	s.Do(completion(s, upload, nil, other)).AssertProblem(t, fault.Conflict, "chunks")
	s.Do(completion(s, upload, key, other)).AssertProblem(t, fault.Unprocessable, "Idempotency-Key")
	s.Chunk(upload, file) // again: 200
	wrong := []byte(strings.Repeat("x", len(file)))
	s.Do(functiontest.Request{
		Method: http.MethodPut, Path: upload + "/chunks/0", Token: s.Token, Body: string(wrong),
		Header: map[string]string{"X-Chunk-SHA256": e2etest.Digest(wrong), "Content-Type": "application/octet-stream"},
	}).AssertProblem(t, fault.Conflict, "sha256")
}
