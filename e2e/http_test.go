package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/openinferencetest"
)

// TestTheJourneyByPlainHTTP takes the way of the README's curl.
func TestTheJourneyByPlainHTTP(t *testing.T) {
	t.Parallel()
	tenant := "t" + strings.ToLower(rand.Text()[:12])
	s := site{functiontest.At(t, server(t), nil), t, ""}
	account := fmt.Sprintf(`{"email":"ana@%s.example.com","password":%q,"tenant":%q}`, tenant, password, tenant)
	s.post("/v1/auth/register", account, http.StatusCreated, nil)
	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	s.post("/v1/auth/login", account, http.StatusOK, &session)
	s.token = session.Access

	s.post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	upload := s.upload(tenant+"/digits", "1.0.0", content(t, "digits.onnx"))
	version := "/v1/models/" + tenant + "/digits/versions/1.0.0"
	s.post(version+"/publish", `{"changelog":"first","deterministic":true}`, http.StatusAccepted, nil)
	s.becomes(upload, `"status":"ready"`)
	s.becomes(version, `"is_latest":true`)

	infer := functiontest.Request{
		Method: "POST", Path: "/v2/models/" + tenant + "/digits/infer", Token: s.token, Body: string(content(t, "digits-request.json")),
	}
	for _, cache := range []string{"miss", "hit"} {
		answer := s.Must(infer, http.StatusOK, nil)
		openinferencetest.AssertClose(t, answer.Body, content(t, "digits-expected.json"))
		if answer.Header.Get("X-Model-Version") != "1.0.0" || answer.Header.Get("X-Cache") != cache {
			t.Errorf("version %s, cache %s, want 1.0.0 and %s", answer.Header.Get("X-Model-Version"), answer.Header.Get("X-Cache"), cache)
		}
	}

	s.post("/v1/auth/logout", `{"refresh_token":"`+session.Refresh+`"}`, http.StatusNoContent, nil)
	eventually(t, "the access token ends with the session", 10*time.Second, func() bool {
		return s.Do(infer).Status == http.StatusUnauthorized
	})
}

// site is a server and a caller.
type site struct {
	*functiontest.Function

	t     *testing.T
	token string
}

func (s site) post(path, body string, status int, out any) {
	s.t.Helper()
	s.Must(functiontest.Request{Method: "POST", Path: path, Body: body, Token: s.token}, status, out)
}

// upload brings a file of one chunk into a version, waits until it is verified, and gives the upload's path.
func (s site) upload(model, version string, file []byte) string {
	s.t.Helper()
	var made struct{ ID string }
	begin := fmt.Sprintf(`{"model":%q,"version":%q,"filename":"model.onnx","size":%d}`, model, version, len(file))
	s.post("/v1/uploads", begin, http.StatusCreated, &made)
	path := "/v1/uploads/" + made.ID
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	s.Must(functiontest.Request{
		Method: "PUT", Path: path + "/chunks/0", Token: s.token, Body: string(file),
		Header: map[string]string{"X-Chunk-SHA256": digest, "Content-Type": "application/octet-stream"},
	}, http.StatusOK, nil)
	s.Must(functiontest.Request{
		Method: "POST", Path: path + "/complete", Token: s.token, Body: `{"chunks":["` + digest + `"]}`, Header: map[string]string{"Prefer": "wait=30"},
	}, http.StatusAccepted, nil)
	return path
}

// becomes waits until the resource has the text.
func (s site) becomes(path, text string) {
	s.t.Helper()
	eventually(s.t, path+" has "+text, time.Minute, func() bool {
		return strings.Contains(string(s.Must(functiontest.Request{Method: "GET", Path: path, Token: s.token}, http.StatusOK, nil).Body), text)
	})
}
