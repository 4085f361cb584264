package field

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// completion asks to complete an upload; headers are given as name and value.
func completion(s e2etest.Site, upload string, header map[string]string, chunks ...string) functiontest.Request {
	body, _ := json.Marshal(map[string][]string{"chunks": chunks}) // strings always encode
	return functiontest.Request{Method: http.MethodPost, Path: upload + "/complete", Token: s.Token, Body: string(body), Header: header}
}

// TestACompletionMayBeRepeatedAtAnyTime sends each completion many times, while the upload is assembled and verified.
func TestACompletionMayBeRepeatedAtAnyTime(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	file := e2etest.Content(t, "digits.onnx")
	const uploads, racers, times = 8, 4, 6
	for range uploads {
		upload := s.BeginUpload(u.Of("digits"), "1.0.0", len(file))
		complete := completion(s, upload, nil, s.Chunk(upload, file))
		var all sync.WaitGroup
		for range racers {
			all.Go(func() {
				for range times {
					if answer := s.Do(complete); answer.Status != http.StatusAccepted {
						t.Errorf("status %d: %s", answer.Status, answer.Body)
					}
				}
			})
		}
		all.Wait()
		s.Becomes(upload, `"status":"ready"`)
	}
}
