package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/openapi"
)

func ask(t *testing.T, known string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil)
	r.Header.Set("If-None-Match", known)
	w := httptest.NewRecorder()
	if err := openapi.Document()(w, r, auth.Principal{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	answer := ask(t, "")

	var document struct{ OpenAPI string }
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Errorf("version %q, %v", document.OpenAPI, err)
	}
	if kind := answer.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type is %s", kind)
	}
}

func TestDocumentIsNotSentToWhoHasIt(t *testing.T) {
	t.Parallel()
	answer := ask(t, ask(t, "").Header().Get("ETag"))

	if answer.Code != http.StatusNotModified || answer.Body.Len() > 0 {
		t.Errorf("status %d with %d bytes", answer.Code, answer.Body.Len())
	}
}
