package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// newRoot makes a repository that has the modules of which the command is built, and a list of two Services.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	requirements, err := os.ReadFile("../../cmd/maas/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{"cmd/maas"}
	for _, found := range regexp.MustCompile(`=> \.\./\.\./(\S+)`).FindAllSubmatch(requirements, -1) {
		folders = append(folders, string(found[1]))
	}
	for _, folder := range folders {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join("..", "..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "knative", "base", "services"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"go.work": "go 1.26.8\n\nuse (\n\t./" + strings.Join(folders, "\n\t./") + "\n)\n",
		codeMap:   "  sweep   started by events\n  kserve\n",
		services:  "resources:\n- services/login.yaml\n- services/users.yaml\npatches: []\n",
	} {
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func mustGo(t *testing.T, folder string, command ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Dir = folder
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// TestANewFunctionBuildsAndPassesItsTest goes the three ways in which a function is built: in the workspace, as a module of its own
// (as ko does it), and inside the module that func generates.
func TestANewFunctionBuildsAndPassesItsTest(t *testing.T) {
	t.Parallel()
	root := newRoot(t)

	if err := create(t.Context(), root, "side-door"); err != nil {
		t.Fatal(err)
	}

	folder := filepath.Join(root, "functions", "side-door")
	mustGo(t, root, "go", "test", "./functions/side-door/...")
	mustGo(t, folder, "env", "GOWORK=off", "go", "build", "-o", os.DevNull, "./cmd/side-door")
	mustGo(t, asFuncDoes(t, folder), funcGo(t), "build", "-o", os.DevNull)
	assertListed(t, root, "- services/login.yaml\n- services/side-door.yaml\n- services/users.yaml\n")
	assertMounted(t, root)
}

// assertMounted runs a program that asks the function as `maas up` mounts it for what it does not have.
func assertMounted(t *testing.T, root string) {
	t.Helper()
	program := filepath.Join(root, "cmd", "maas", "ask")
	if err := os.MkdirAll(program, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(program, "main.go"), []byte(ask), 0o600); err != nil {
		t.Fatal(err)
	}
	if answer := mustGo(t, root, "go", "run", "./cmd/maas/ask"); !strings.HasPrefix(answer, "404 ") || !strings.Contains(answer, "There is nothing at this address") {
		t.Errorf("mounted, the function answers %s", answer)
	}
	if text, err := os.ReadFile(filepath.Join(root, codeMap)); err != nil || !strings.Contains(string(text), "\n  side-door\n") {
		t.Errorf("the code map is %s, %v", text, err)
	}
}

const ask = `package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/17882237881/MaaS/cmd/maas/host"
	"github.com/17882237881/MaaS/shared/env"
)

func main() {
	function, answer := host.Functions()["side-door"], httptest.NewRecorder()
	if err := function.Mount(context.Background(), env.New("side-door", nil, slog.New(slog.DiscardHandler))); err != nil {
		panic(err)
	}
	function.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/nowhere", http.NoBody))
	fmt.Println(answer.Code, answer.Body)
}
`

func assertListed(t *testing.T, root, lines string) {
	t.Helper()
	list, err := os.ReadFile(filepath.Join(root, services))
	if err != nil || !strings.Contains(string(list), lines) {
		t.Errorf("the Services are %s, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(root, "knative", "base", "services", "side-door.yaml")); err != nil {
		t.Error(err)
	}
}

func TestANameThatComesLastIsListedLast(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("- b\n- d\nrest\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"e", "a", "c"} {
		if err := enlist(path, "- ", name); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := os.ReadFile(path); err != nil || string(list) != "- a\n- b\n- c\n- d\n- e\nrest\n" {
		t.Errorf("the list is %s, %v", list, err)
	}
}

// asFuncDoes generates the module that func v0.49.2 builds a Go function in: its requirements are copied, its replaces are not.
func asFuncDoes(t *testing.T, folder string) string {
	t.Helper()
	const path = "github.com/17882237881/MaaS/functions/side-door"
	build := filepath.Join(folder, ".func", "build")
	required, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, requires, _ := strings.Cut(string(required), "=> ../../shared\n)\n")
	sums, err := os.ReadFile(filepath.Join(folder, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(build, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"go.mod":  "module main\n\ngo 1.26.0\n\nreplace " + path + " => ./f\n\nrequire " + path + " v0.0.0\n" + requires,
		"go.sum":  string(sums),
		"main.go": "package main\n\nimport (\n\t\"os\"\n\n\tfunction \"" + path + "\"\n\t\"knative.dev/func-go/http\"\n)\n\nfunc main() {\n\tif err := http.Start(function.New()); err != nil {\n\t\tos.Exit(1)\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(build, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../..", filepath.Join(build, "f")); err != nil {
		t.Fatal(err)
	}
	return build
}

func funcGo(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../func-go")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestARefusedNameLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Upper", "under_score", "-dash", "dash-", "two--dashes", "1st", "a/b", "..", strings.Repeat("a", 64), strings.Repeat("a-", 32) + "a"} {
		root := t.TempDir()

		if err := create(t.Context(), root, name); err == nil {
			t.Errorf("%q was taken", name)
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
			t.Errorf("%q left %v (%v)", name, entries, err)
		}
	}
}

func TestAFunctionThatIsThereIsLeftAlone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "functions", "login"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := create(t.Context(), root, "login"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("error %v, want one that says so", err)
	}
}
