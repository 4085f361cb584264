//go:build !cluster

package field

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

func TestDownloadsFollowRFC9110AndFailWithProblems(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	content := e2etest.Content(t, "digits.onnx")
	size := len(content)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	api := u.Site()
	download := func(method string, headers ...string) functiontest.Answer {
		t.Helper()
		in := functiontest.Request{
			Method: method, Path: "/v1/models/" + u.Of("digits") + "/versions/1.0.0/files/digits.onnx", Token: api.Token, Header: map[string]string{},
		}
		for i := 0; i < len(headers); i += 2 {
			in.Header[headers[i]] = headers[i+1]
		}
		return api.Do(in)
	}
	tag := download(http.MethodHead).Header.Get("ETag")

	for _, headers := range [][]string{
		{}, {"Range", "items=0-1"}, {"Range", "bytes=0-0" + strings.Repeat(",1000-1000", 3887)}, {"If-Match", tag}, {"Range", "bytes=0-0", "If-Range", `"x"`},
	} {
		if got := download(http.MethodGet, headers...); got.Status != http.StatusOK || !bytes.Equal(got.Body, content) {
			t.Errorf("%.60v: %d, %d bytes", headers, got.Status, len(got.Body))
		}
	}
	if got := download(http.MethodGet, "Range", "bytes=0-9,5-20,100-110"); got.Status != http.StatusPartialContent || !bytes.Equal(got.Body, content[:111]) {
		t.Errorf("ranges near each other are answered %d with %d bytes", got.Status, len(got.Body))
	}
	for _, set := range []string{"bytes=-0", fmt.Sprintf("bytes=%d-", size), "bytes=x"} {
		got := download(http.MethodGet, "Range", set)
		got.AssertProblem(t, fault.Unsatisfiable, "Range")
		if got.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
			t.Errorf("%s: %v", set, got.Header)
		}
	}
	download(http.MethodGet, "If-Match", `"x"`).AssertProblem(t, fault.PreconditionFailed, "If-Match")
	if got := download(http.MethodGet, "If-None-Match", "W/"+tag); got.Status != http.StatusNotModified || len(got.Body) > 0 {
		t.Errorf("what the client has is answered %d", got.Status)
	}
	whole, head := download(http.MethodGet), download(http.MethodHead, "Range", "bytes=0-0")
	for _, name := range []string{"ETag", "Content-Length", "Content-Type", "Accept-Ranges", "Repr-Digest", "Content-Disposition"} {
		if whole.Header.Get(name) == "" || whole.Header.Get(name) != head.Header.Get(name) || head.Status != http.StatusOK {
			t.Errorf("%s is %q of GET and %q of HEAD", name, whole.Header.Get(name), head.Header.Get(name))
		}
	}
}
