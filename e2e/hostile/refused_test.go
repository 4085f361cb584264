//go:build !cluster

package hostile

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// refusedCalls are made at once of each sort, and refusedMemory bounds what they may make the process grow by.
	refusedCalls, refusedMemory = 3, 128 * mib
)

// refusal is a hostile call and how it is to be answered.
type refusal struct {
	hostileCall

	method string       // POST if it is empty
	client *http.Client // of HTTP/1 if it is nil
	status int
	says   string // a part of the answer
}

// refuses makes all sorts of hostile calls, one sort after the other, beside the innocent caller, and fails unless each is answered as it should be and
// the process stays small.
func refuses(t *testing.T, innocent func(context.Context) error, site e2etest.Site, sorts map[string]refusal) {
	t.Helper()
	withinMemory(t, &the, refusedMemory, func() {
		unharmed(t, innocent, func(ctx context.Context) {
			for name, r := range sorts {
				var all sync.WaitGroup
				for range refusedCalls {
					all.Go(func() {
						status, text, err := send(ctx, site, r)
						if err != nil || status != r.status || !strings.Contains(text, r.says) {
							t.Errorf("%s: the answer is %d %.300s, %v; want %d with %q", name, status, text, err, r.status, r.says)
						}
					})
				}
				all.Wait()
			}
		})
	})
}

// send makes a call, and returns the status and the text of the answer.
func send(ctx context.Context, site e2etest.Site, r refusal) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, cmp.Or(r.method, http.MethodPost), site.URL+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+site.Token)
	request.Header.Set("Content-Type", r.kind)
	request.Header.Set("Te", "trailers")
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	answer, err := cmp.Or(r.client, site.Client).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body) + answer.Header.Get("Grpc-Message") + answer.Trailer.Get("Grpc-Message"), err
}
