package decoding_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/17882237881/MaaS/shared/decoding"
)

// TestALongMessageIsExpandedNoFurther breaks the end of a compressed message, which nobody gets to who stops before.
func TestALongMessageIsExpandedNoFurther(t *testing.T) {
	t.Parallel()
	const most = 100_000
	handler := connect.NewUnaryHandlerSimple("/echo", func(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return in, nil },
		decoding.WithReadMaxBytes(most))
	ask := func(content string, damage int) *httptest.ResponseRecorder {
		body := compress(t, []byte(content))
		for i := range damage {
			body[len(body)-1-i] ^= 0xff
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/echo", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Encoding", "gzip")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	text := func(length int) string { return `"` + strings.Repeat("A", length-2) + `"` }

	if w := ask(text(most), 0); w.Code != http.StatusOK {
		t.Errorf("a message as long as it may be: %d %s", w.Code, w.Body)
	}
	for range 2 { // decompressors are used again
		w := ask(text(50*most), 8)
		if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "larger than configured max 100000") {
			t.Errorf("a longer one, whose end is damaged: %d %s", w.Code, w.Body)
		}
	}
	if w := ask(text(most), 8); w.Code != http.StatusBadRequest {
		t.Errorf("one that is damaged: %d %s", w.Code, w.Body)
	}
}
