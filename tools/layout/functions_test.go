package layout

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// functions returns the names of the folders of functions/.
func functions(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, path := range tracked(t, "functions/") {
		names = append(names, strings.Split(path, "/")[1])
	}
	return slices.Compact(names)
}

func TestEachFunctionHasItsFiveFiles(t *testing.T) {
	t.Parallel()
	for _, name := range functions(t) {
		for _, file := range []string{"func.yaml", "go.mod", "function.go", "function_test.go", "cmd/" + name + "/main.go"} {
			if _, err := os.Stat(filepath.Join(root, "functions", name, file)); err != nil {
				t.Errorf("functions/%s has no %s", name, file)
			}
		}
	}
}

// TestEachFunctionIsMounted finds the function that `maas up` does not have. In deploy-version's place it has the supervisor of model servers.
func TestEachFunctionIsMounted(t *testing.T) {
	t.Parallel()
	mounted := imports(t, "cmd/maas/host/functions.go")
	for _, name := range functions(t) {
		if name != "deploy-version" && !slices.Contains(mounted, ours+"functions/"+name) {
			t.Errorf("cmd/maas/host/functions.go does not mount functions/%s", name)
		}
	}
}

// TestEachFunctionIsSmall counts what a function is beside its tests: routes and wiring. The rules are in shared.
func TestEachFunctionIsSmall(t *testing.T) {
	t.Parallel()
	const most = 100

	lines := map[string]int{}
	for _, path := range tracked(t, "functions/*.go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "functions/deploy-version/kserve/") {
			continue // kserve is a package of its own that must be in no other module
		}
		lines[strings.Split(path, "/")[1]] += bytes.Count(read(t, path), []byte("\n"))
	}
	for name, n := range lines {
		if n > most {
			t.Errorf("functions/%s has %d lines of Go without its tests, want %d or fewer", name, n, most)
		}
	}
}

func TestEachMainKnowsItsFunctionAlone(t *testing.T) {
	t.Parallel()
	for _, name := range functions(t) {
		for _, path := range imports(t, "functions/"+name+"/cmd/"+name+"/main.go") {
			if strings.HasPrefix(path, ours+"functions/") && path != ours+"functions/"+name {
				t.Errorf("functions/%s/cmd imports %s", name, path)
			}
		}
	}
}

func TestProgramsImportNoTestHelpers(t *testing.T) {
	t.Parallel()
	for _, path := range tracked(t, "*.go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") || strings.HasPrefix(path, "e2e/") {
			continue
		}
		for _, imported := range imports(t, path) {
			if imported == "testing" || strings.HasPrefix(imported, ours) && strings.HasSuffix(imported, "test") {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
}

// TestInferLinksNoDatabaseDriver holds the promise that a thousand gateways open no connection to Postgres.
func TestInferLinksNoDatabaseDriver(t *testing.T) {
	t.Parallel()
	for _, path := range linked(t, "./functions/infer/...") {
		if strings.HasPrefix(path, "github.com/jackc/pgx") || path == ours+"shared/postgres" {
			t.Errorf("functions/infer links %s", path)
		}
	}
}

// TestPublicModulesNeedLittle keeps api and client what others can afford to depend on; their tests count too, because go.mod lists what they import.
func TestPublicModulesNeedLittle(t *testing.T) {
	t.Parallel()
	for module, allowed := range map[string][]string{
		"api":    {ours + "api", "github.com/Masterminds/semver/v3"},
		"client": {ours + "api", ours + "client"},
	} {
		for _, path := range tracked(t, module+"/*.go") {
			for _, imported := range imports(t, path) {
				host, _, _ := strings.Cut(imported, "/")
				fits := func(prefix string) bool { return imported == prefix || strings.HasPrefix(imported, prefix+"/") }
				if strings.Contains(host, ".") && !slices.ContainsFunc(allowed, fits) {
					t.Errorf("%s imports %s", path, imported)
				}
			}
		}
	}
}

// TestTheCommandTalksToServersByTheClient keeps the rules of servers out of the client's commands.
func TestTheCommandTalksToServersByTheClient(t *testing.T) {
	t.Parallel()
	allowed := []string{"backoff", "ownfile", "serve"} // pauses, files, and what this program was built from
	for _, folder := range []string{"commands", "push", "pull", "progress", "sessions"} {
		for _, path := range tracked(t, "cmd/maas/"+folder+"/*.go") {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, imported := range imports(t, path) {
				if name, ok := strings.CutPrefix(imported, ours+"shared/"); ok && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s", path, imported)
				}
			}
		}
	}
}

// TestTheCommandLinksNoKubernetes keeps what one machine runs as small as it is: clients of a cluster are deploy-version's alone.
func TestTheCommandLinksNoKubernetes(t *testing.T) {
	t.Parallel()
	for _, path := range linked(t, "./cmd/maas/...") {
		if strings.HasPrefix(path, "k8s.io/") || strings.HasPrefix(path, "github.com/kserve/") || path == ours+"functions/deploy-version" {
			t.Errorf("cmd/maas links %s", path)
		}
	}
}

// linked returns the packages that the ones of a pattern are made of.
func linked(t *testing.T, pattern string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

func imports(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	paths := make([]string, 0, len(file.Imports))
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, imported)
	}
	return paths
}
