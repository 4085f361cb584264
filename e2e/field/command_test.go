//go:build !cluster

package field

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// complaint is an error as --output json writes it.
type complaint struct {
	Error struct {
		Kind, Detail string
		Errors       []struct{ Field, Detail string }
		Status       int
	}
}

func TestTheCommandDoesWhatItsUsersExpect(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	version, model := u.Of("digits")+"@1.0.0", e2etest.Content(t, "digits.onnx")

	t.Run("a stream is pushed under a name", func(t *testing.T) {
		u.Typed(string(model), "push", version, "-").Ends(2, "--filename")
		u.Typed("", "push", version, "-", "--filename", "model.onnx").Ends(1, "stdin is empty")
		u.Maas("models").Ends(0, "none")
		u.Typed(string(model), "push", version, "-", "--filename", "model.onnx").Ends(0, "model.onnx: verified")
		u.Maas("push", version, e2etest.Data("digits.onnx"), "--filename", "model.onnx").Ends(0, "already there")
	})
	t.Run("a file is pulled to stdout, several only by name", func(t *testing.T) {
		assertStdout(t, u.Maas("pull", version, "-").OK(), model)
		u.Maas("push", version, e2etest.Data("digits-v2.onnx")).Ends(0, "verified")
		u.Maas("pull", version, "-").Ends(2, "--file", "digits-v2.onnx, model.onnx")
		u.Maas("pull", version, "-", "--file", "no").Ends(2, "has no file no", "digits-v2.onnx, model.onnx")
		assertStdout(t, u.Maas("pull", version, "-", "--file", "digits-v2.onnx").OK(), e2etest.Content(t, "digits-v2.onnx"))
	})
	t.Run("a push that fails early leaves no model", func(t *testing.T) {
		text := filepath.Join(t.TempDir(), "text.onnx")
		put(t, text, []byte("this is no model"))
		u.Maas("push", u.Of("other")+"@1.0.0", text).Ends(1, "rejected", "deleted the model "+u.Of("other")+" again")
		u.Maas("versions", u.Of("other")).Ends(4)
		u.Maas("push", version, text).Ends(1, "rejected")
		u.Maas("versions", u.Of("digits")).Ends(0, "1.0.0") // which was there before
	})
	t.Run("a file that is missing is a mistake in the command line", func(t *testing.T) {
		u.Maas("infer", u.Of("digits"), "-f", "no such file").Ends(2, "no such file")
	})
	t.Run("an error is JSON where the output is", func(t *testing.T) {
		for _, command := range [][]string{
			{"versions", u.Of("nothing"), "--output", "json", "--quiet"}, {"pull", version, "-", "--output=json"}, {"models", "--nope", "--output", "json"},
		} {
			said := u.Maas(command...)
			var c complaint
			e2etest.Must(t, json.Unmarshal([]byte(said.Stderr), &c))
			if c.Error.Kind == "" || c.Error.Detail == "" || c.Error.Status != said.Status || said.Stdout != "" {
				t.Errorf("%s: %+v", said.Command, said)
			}
		}
	})
	t.Run("its version is told by a flag", func(t *testing.T) {
		if said := u.Maas("--version").OK(); !strings.HasPrefix(said.Stdout, "maas ") || strings.Count(said.Stdout, "\n") != 1 {
			t.Errorf("%q", said.Stdout)
		}
	})
}

func TestADamagedSessionIsSetAside(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	path := u.Home(".config", "maas", "credentials.json")
	put(t, path, []byte(`{"current": "ht`))

	u.Maas("models").Ends(3, path, "damaged", "maas login")
	u.Typed(e2etest.Password, "login", u.Email, "--password-stdin").Ends(0, "were damaged", path+".damaged-", "owner of "+u.Tenant)
	u.Maas("models").Ends(0, "none")
	kept, err := filepath.Glob(path + ".damaged-*")
	e2etest.Must(t, err)
	if len(kept) != 1 {
		t.Fatalf("kept is %q", kept)
	}
	assertFile(t, kept[0], []byte(`{"current": "ht`))
}

// A server that answers everything with 200 is no MaaS: no command may take its answers for success.
func TestAnAnswerWithoutContentIsNoSuccess(t *testing.T) {
	t.Parallel()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	t.Cleanup(empty.Close)
	u := e2etest.Stranger(t, empty.URL).Holding("key")
	out := t.TempDir()
	for _, command := range [][]string{
		{"whoami"}, {"models"}, {"versions", "acme/fraud"}, {"pull", "acme/fraud", out}, {"pull", "acme/fraud", "-"}, {"push", "acme/fraud@1.0.0", e2etest.Data("digits.onnx")},
		{"publish", "acme/fraud@1.0.0"}, {"diff", "acme/fraud@1.0.0", "acme/fraud@2.0.0"}, {"alias", "set", "acme/fraud", "production", "1.0.0"}, {"alias", "list", "acme/fraud"},
		{"keys", "create", "k"}, {"keys", "list"}, {"uploads"}, {"usage"}, {"stats", "acme/fraud"}, {"status"}, {"retire", "acme/fraud@1.0.0"},
	} {
		u.Maas(command...).Ends(1, "is "+empty.URL+" a MaaS server?")
	}
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func assertStdout(t *testing.T, said e2etest.Said, want []byte) {
	t.Helper()
	if !bytes.Equal([]byte(said.Stdout), want) {
		t.Errorf("%s wrote %d bytes, want %d", said.Command, len(said.Stdout), len(want))
	}
}
