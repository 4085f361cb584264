//go:build !cluster

package field

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestASlowChunkHoldsNobodyUp has a client which begins to send a chunk and stops, when another brings the whole chunk with other bytes.
func TestASlowChunkHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	file := e2etest.Content(t, "digits.onnx")
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", len(file))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	body, sent := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+upload+"/chunks/0", body)
	e2etest.Must(t, err)
	request.ContentLength = int64(len(file))
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("X-Chunk-SHA256", e2etest.Digest(make([]byte, len(file))))
	status := make(chan string, 1)
	go func() { // ends with ctx
		answer, err := s.Client.Do(request)
		if err != nil {
			status <- err.Error()
			return
		}
		_ = answer.Body.Close()
		status <- strconv.Itoa(answer.StatusCode)
	}()
	_, err = sent.Write(make([]byte, len(file)/2))
	e2etest.Must(t, err)

	began := time.Now()
	digest := s.Chunk(upload, file)

	if waited := time.Since(began); waited > 20*time.Second {
		t.Errorf("the whole chunk waited %s for the slow one", waited)
	}
	s.Complete(upload, digest)
	s.Becomes(upload, `"status":"ready"`)
	if got := <-status; got != strconv.Itoa(http.StatusConflict) { // it need not send the rest to be told
		t.Errorf("the slow client is answered %s, want 409", got)
	}
}
