package e2etest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/openinference"
)

// Site is a server and a caller of it by plain HTTP.
type Site struct {
	*functiontest.Function

	Token string

	t testing.TB
}

// Visit returns a client of the server without a credential.
func Visit(t testing.TB, server string) Site {
	t.Helper()
	return Site{functiontest.At(t, server, nil), "", t}
}

// Site signs the user in, and returns a client of the user's server with the access token.
func (u *User) Site() Site {
	u.Helper()
	s := Visit(u.TB, u.Server)
	var session struct {
		Access string `json:"access_token"`
	}
	s.Post("/v1/auth/login", u.account(), http.StatusOK, &session)
	s.Token = session.Access
	return s
}

// account returns the body of the user's sign-in.
func (u *User) account() string { return fmt.Sprintf(`{"email":%q,"password":%q}`, u.Email, Password) }

// Post sends a POST, and decodes the answer's JSON into out unless that is nil. It ends the test unless the answer has the status.
func (s Site) Post(path, body string, status int, out any) {
	s.t.Helper()
	s.Must(functiontest.Request{Method: http.MethodPost, Path: path, Body: body, Token: s.Token}, status, out)
}

// Text returns the body of a GET. It ends the test unless the status is 200.
func (s Site) Text(path string) string {
	s.t.Helper()
	return string(s.Must(functiontest.Request{Method: http.MethodGet, Path: path, Token: s.Token}, http.StatusOK, nil).Body)
}

// Call sends an inference request and returns the answer of a new run, not of the cache. The body is in the binary form with header bytes of JSON,
// or all JSON if header is 0. The caller closes the answer's body.
func (s Site) Call(ctx context.Context, path string, body io.Reader, header int) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Cache-Control", "no-store")
	request.Header.Set("Content-Type", "application/json")
	if header > 0 {
		request.Header.Set("Content-Type", "application/octet-stream")
		request.Header.Set(openinference.HeaderLength, strconv.Itoa(header))
	}
	return s.Client.Do(request)
}

// BeginUpload begins an upload of size bytes, one chunk, to a version, and returns the upload's path.
func (s Site) BeginUpload(model, version string, size int) string {
	s.t.Helper()
	var made struct{ ID string }
	begin := fmt.Sprintf(`{"model":%q,"version":%q,"filename":"model.onnx","size":%d}`, model, version, size)
	s.Post("/v1/uploads", begin, http.StatusCreated, &made)
	return "/v1/uploads/" + made.ID
}

// Upload uploads a file of one chunk to a version, waits until it is verified, and returns the upload's path.
func (s Site) Upload(model, version string, file []byte) string {
	s.t.Helper()
	path := s.BeginUpload(model, version, len(file))
	s.Complete(path, s.Chunk(path, file))
	s.Becomes(path, `"status":"ready"`)
	return path
}

// Chunk sends the first chunk of the upload at the path, and returns its digest.
func (s Site) Chunk(upload string, content []byte) string {
	s.t.Helper()
	digest := Digest(content)
	s.Must(functiontest.Request{
		Method: http.MethodPut, Path: upload + "/chunks/0", Token: s.Token, Body: string(content),
		Header: map[string]string{"X-Chunk-SHA256": digest, "Content-Type": "application/octet-stream"},
	}, http.StatusOK, nil)
	return digest
}

// Complete completes the upload at the path from the chunks of the digests. It waits up to 30 s for the verification.
func (s Site) Complete(upload string, chunks ...string) {
	s.t.Helper()
	body, err := json.Marshal(map[string][]string{"chunks": chunks})
	Must(s.t, err)
	s.Must(functiontest.Request{
		Method: http.MethodPost, Path: upload + "/complete", Token: s.Token, Body: string(body), Header: map[string]string{"Prefer": "wait=30"},
	}, http.StatusAccepted, nil)
}

// Becomes waits until the body of a GET of the path contains the text, for at most three minutes, or ends the test.
func (s Site) Becomes(path, text string) {
	s.t.Helper()
	Eventually(s.t, path+" has "+text, 3*time.Minute, func() bool { return strings.Contains(s.Text(path), text) })
}

// Digest returns the SHA-256 of the bytes in hexadecimal, as the API takes it.
func Digest(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// Leave deletes the user's models, up to 200, so that a host that stays does not go on serving them. It may be called in a cleanup.
func (u *User) Leave() {
	u.Helper()
	var session struct {
		Access string `json:"access_token"`
	}
	u.ask(http.MethodPost, "/v1/auth/login", "", u.account(), &session)
	var models struct {
		Items []struct{ Model string }
	}
	u.ask(http.MethodGet, "/v1/models?page_size=200", session.Access, "", &models)
	for _, one := range models.Items {
		u.ask(http.MethodDelete, "/v1/models/"+one.Model+"?force=true", session.Access, "", nil)
	}
}

// ask sends a request, also after the test has ended, and decodes the answer's JSON into out unless that is nil. It fails the test for a status of
// 300 or more.
func (u *User) ask(method, path, token, body string, out any) {
	u.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, u.Server+path, bytes.NewReader([]byte(body)))
	Must(u.TB, err)
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	Must(u.TB, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	Must(u.TB, err)
	if answer.StatusCode >= http.StatusMultipleChoices {
		u.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	} else if out != nil {
		Must(u.TB, json.Unmarshal(text, out))
	}
}
