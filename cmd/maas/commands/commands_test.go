package commands

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

var ana = map[string]any{"email": "ana@example.com", "tenant": "acme", "roles": []string{"owner"}}

func TestResultsAndMessagesGoDifferentWays(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"GET /v1/models": map[string]any{"items": []any{}, "next_page_token": ""}})
	if got := s.run("models"); got != (outcome{0, "", "none\n"}) {
		t.Errorf("%+v", got)
	}
	if got := s.run("models", "--quiet"); got != (outcome{}) {
		t.Errorf("%+v", got)
	}
}

func TestJSONIsWhatTheAPIAnswers(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"GET /v1/users/me": ana})
	var got map[string]any
	if err := json.Unmarshal([]byte(s.must("whoami", "--output", "json")), &got); err != nil || got["email"] != "ana@example.com" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMistakesInTheCommandLineAreStatus2(t *testing.T) {
	t.Parallel()
	s := serving(t, nil)
	for _, arguments := range [][]string{
		{"whoami", "x"},
		{"whoami", "--nope"},
		{"whoami", "--output", "xml"},
		{"whoami", "--server", "ftp://x"},
		{"whoami", "--server", "http://user@x"},
		{"alias", "nope"},
		{"register"},
		{"login"},
		{"push", "acme/fraud@1.0.0"},
		{"push", "acme/fraud", "x"},
		{"push", "acme/fraud@1.0.0", "x", "--parallel", "0"},
		{"push", "acme/fraud@1.0.0", "-"},
		{"push", "acme/fraud@1.0.0", "-", "x", "--filename", "a"},
		{"push", "acme/fraud@1.0.0", "-", "--filename", "../a"},
		{"infer", "acme/fraud", "-f", "no such file"},
		{"push", "acme/fraud@1.0.0", "a/x", "b/x"},
		{"publish", "acme/fraud@latest"},
		{"infer", "acme/fraud"},
		{"diff", "acme/fraud@1.0.0", "acme/other@1.0.0"},
		{"deprecate", "acme/fraud@1.0.0"},
		{"deprecate", "acme/fraud@1.0.0", "--reason", "old", "--sunset", "soon"},
		{"uploads", "cancel", "x"},
	} {
		if got := s.run(arguments...); got.status != statusUsage || got.stderr == "" {
			t.Errorf("%v: %+v", arguments, got)
		}
	}
}

func TestAPasswordComesFromStdin(t *testing.T) {
	t.Parallel()
	var sent map[string]string
	s := serving(t, map[string]any{
		"POST /v1/auth/login": func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&sent)
			_, _ = io.WriteString(w, `{"access_token":"a","refresh_token":"r","expires_in":900}`)
		},
		"GET /v1/users/me": ana,
	})
	s.stdin = "a secret of mine\r\nand more\n"
	if got := s.must("login", "ana@example.com", "--password-stdin"); !strings.Contains(got, "owner of acme") {
		t.Error(got)
	}
	if sent["email"] != "ana@example.com" || sent["password"] != "a secret of mine" {
		t.Errorf("%v", sent)
	}
	s.must("login", "ana", "--tenant", "acme", "--password-stdin")
	if sent["username"] != "ana" || sent["tenant"] != "acme" {
		t.Errorf("%v", sent)
	}
	s.stdin = ""
	if got := s.run("login", "ana", "--password-stdin"); got.status != statusUsage {
		t.Errorf("%+v", got)
	}
	if got := s.run("login", "ana"); got.status != statusUsage || !strings.Contains(got.stderr, "--password-stdin") {
		t.Errorf("no terminal: %+v", got)
	}
}

func TestTheServerSignedInToIsTheNextOnes(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{
		"POST /v1/auth/login":  map[string]any{"access_token": "a", "refresh_token": "r", "expires_in": 900},
		"POST /v1/auth/logout": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"GET /v1/users/me":     ana,
	})
	s.stdin = "secret\n"
	server := s.vars["MAAS_SERVER"]
	delete(s.vars, "MAAS_SERVER")
	delete(s.vars, "MAAS_TOKEN")
	s.must("login", "ana@example.com", "--password-stdin", "--server", server)
	if got := s.must("whoami"); !strings.Contains(got, server) {
		t.Error(got)
	}
	s.must("logout")
	if got := s.run("whoami", "--server", server); got.status != statusSignedOut {
		t.Errorf("%+v", got)
	}
}

func TestAListIsReadPageByPage(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"GET /v1/models": func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("page_token") == "" {
			_, _ = io.WriteString(w, `{"items":[{"model":"acme/a"}],"next_page_token":"t"}`)
			return
		}
		_, _ = io.WriteString(w, `{"items":[{"model":"acme/b"}],"next_page_token":""}`)
	}})
	if got := s.must("models"); strings.Count(got, "\n") != 3 || !strings.Contains(got, "acme/b") {
		t.Error(got)
	}
	if got := s.run("models", "--limit", "1"); strings.Contains(got.stdout, "acme/b") || !strings.Contains(got.stderr, "--limit") {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsHostileIsShownEscaped(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"GET /v1/models/acme/a/aliases": map[string]any{
		"items": []any{map[string]any{"alias": "production", "why": "\x1b[31mred\u202e"}}, "next_page_token": "",
	}})
	if got := s.must("alias", "list", "acme/a"); strings.ContainsAny(got, "\x1b\u202e") || !strings.Contains(got, `\x1b[31mred\u202e`) {
		t.Errorf("%q", got)
	}
}

func TestAnAnswerIsPrintedAsItIs(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"POST /v2/models/acme/fraud/versions/{ref}/infer": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Model-Version", "1.4.0")
		w.Header().Set("X-Cache", "hit")
		_, _ = io.WriteString(w, r.PathValue("ref")+r.Header.Get("X-Request-Timeout"))
		_, _ = io.Copy(w, r.Body)
	}})
	s.stdin = `{"inputs":[]}`
	got := s.run("infer", "acme/fraud@^1.2", "-f", "-", "--timeout", "2s")
	if got.status != 0 || got.stdout != "^1.22000{\"inputs\":[]}\n" || !strings.Contains(got.stderr, "acme/fraud@1.4.0, cache hit") {
		t.Errorf("%+v", got)
	}
}

func TestPublishWaitsUntilTheDeploymentIsReady(t *testing.T) {
	t.Parallel()
	states := []string{`"draft","deployment":{"status":"none"}`, `"published","deployment":{"status":"starting"}`, `"published","deployment":{"status":"ready"}`}
	look := 0
	version := func(status string) string {
		return `{"model":"acme/a","version":"1.0.0","aliases":["latest"],"status":` + status + `}`
	}
	s := serving(t, map[string]any{
		"GET /v1/models/acme/a/versions/1.0.0": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, version(states[min(look, len(states)-1)]))
			look++
		},
		"POST /v1/models/acme/a/versions/1.0.0/publish": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, version(`"published","deployment":{"status":"pending"}`))
		},
	})
	got := s.run("publish", "acme/a@1.0.0")
	if got.status != 0 || got.stdout != "acme/a@1.0.0 published, ready: latest\n" {
		t.Errorf("%+v", got)
	}
	for _, phase := range []string{"pending", "starting", "ready"} {
		if !strings.Contains(got.stderr, "deployment: "+phase) {
			t.Errorf("%s is not told: %s", phase, got.stderr)
		}
	}
	if again := s.run("publish", "acme/a@1.0.0"); again.status != 0 || !strings.Contains(again.stderr, "published already") {
		t.Errorf("%+v", again)
	}
}

func TestPublishSaysThatTheServerGoesOnWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	s := serving(t, map[string]any{"GET /v1/models/acme/a/versions/1.0.0": func(w http.ResponseWriter, r *http.Request) {
		if looks.Add(1) > 1 {
			<-r.Context().Done() // the time ends during a look
		}
		_, _ = io.WriteString(w, `{"model":"acme/a","version":"1.0.0","status":"published","deployment":{"status":"starting"}}`)
	}})
	got := s.run("publish", "acme/a@1.0.0", "--timeout", "500ms")
	if got.status != statusUnavailable || !strings.Contains(got.stderr, "not ready yet; the server goes on") {
		t.Errorf("%+v", got)
	}
}

func TestAVersionThatCannotBeServedIsAFailure(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"GET /v1/models/acme/a/versions/1.0.0": map[string]any{
		"model": "acme/a", "version": "1.0.0", "status": "published", "deployment": map[string]any{"status": "failed", "reason": "opset 99 is unknown"},
	}})
	if got := s.run("publish", "acme/a@1.0.0"); got.status != statusFailed || !strings.Contains(got.stderr, "opset 99") {
		t.Errorf("%+v", got)
	}
}

func TestNothingIsMadeForAFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := serving(t, map[string]any{"/": func(http.ResponseWriter, *http.Request) { t.Error("a request was made") }})
	if got := s.run("push", "acme/a@1.0.0", filepath.Join(t.TempDir(), "no")); got.status != statusUsage {
		t.Errorf("%+v", got)
	}
}

func TestWhatWasPushedBeforeAFailureIsTold(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, second := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	for _, name := range []string{first, second} {
		if err := os.WriteFile(name, []byte("a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serving(t, map[string]any{
		"GET /v1/models/acme/a": map[string]any{"model": "acme/a"},
		"GET /v1/models/acme/a/versions/1.0.0": func(w http.ResponseWriter, _ *http.Request) {
			_ = os.Remove(second) // it goes while the first is pushed
			_ = json.NewEncoder(w).Encode(map[string]any{
				"model": "acme/a", "version": "1.0.0", "status": "draft", "deployment": map[string]any{"status": "none"}, "files": []any{map[string]any{
					"path": "a", "size": 1, "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
				}},
			})
		},
	})
	got := s.run("push", "acme/a@1.0.0", first, second)
	if got.status != statusFailed || !strings.Contains(got.stdout, "a: already there") || !strings.Contains(got.stderr, "There is no file") {
		t.Errorf("%+v", got)
	}
}
