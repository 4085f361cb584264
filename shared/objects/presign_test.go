package objects_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

func TestAPresignedDownloadGivesTheBytesUnderTheirName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Put(t.Context(), w.key, []byte("weights")))

	signed, err := w.PresignGet(t.Context(), w.key, "digits v2.onnx", time.Minute)
	w.must(err)
	response, content := w.request(signed, nil)

	if response.StatusCode != http.StatusOK || content != "weights" {
		t.Errorf("%s: %s", response.Status, content)
	}
	if got, want := response.Header.Get("Content-Disposition"), `attachment; filename="digits v2.onnx"`; got != want {
		t.Errorf("Content-Disposition is %s, want %s", got, want)
	}
}

func TestAPresignedPartTakesOnlyItsBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, content := w.begin(), random(1000)
	signed, err := w.PresignPart(t.Context(), m, partOf(1, content), time.Minute)
	w.must(err)

	if response, text := w.request(signed, random(1000)); response.StatusCode != http.StatusBadRequest {
		t.Errorf("other bytes: %s: %s", response.Status, text)
	}
	if response, text := w.request(signed, content); response.StatusCode != http.StatusOK {
		t.Errorf("its bytes: %s: %s", response.Status, text)
	}
	if parts, err := w.ListParts(t.Context(), m); err != nil || len(parts) != 1 || parts[0].SHA256 != partOf(1, content).SHA256 {
		t.Errorf("the store holds %v, %v", parts, err)
	}
}

func TestAStoreThatClientsCannotReachSignsNothing(t *testing.T) {
	t.Parallel()
	vars := objectstest.Environment(t)
	delete(vars, "S3_PUBLIC_ENDPOINT")
	store := objectstest.Open(t, vars)

	_, err := store.PresignGet(t.Context(), "x", "x", time.Minute)
	faulttest.AssertKind(t, err, fault.Unprocessable)
	_, err = store.PresignPart(t.Context(), objects.Multipart{Key: "x", ID: "x"}, partOf(1, nil), time.Minute)
	faulttest.AssertKind(t, err, fault.Unprocessable)
}

// request sends a signed request as a client would.
func (w world) request(signed objects.Signed, body []byte) (*http.Response, string) {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), signed.Method, signed.URL, bytes.NewReader(body))
	w.must(err)
	request.Header = signed.Header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	w.must(err)
	text, err := io.ReadAll(response.Body)
	w.must(err)
	w.must(response.Body.Close())
	return response, string(text)
}
