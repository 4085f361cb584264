package layout

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

const ours = "github.com/17882237881/MaaS/"

// tracked returns the paths of the files that git has or would add, below root.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	arguments := append([]string{"-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"}, patterns...)
	out, err := exec.CommandContext(t.Context(), "git", arguments...).Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	paths := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	return slices.DeleteFunc(paths, func(path string) bool {
		info, err := os.Stat(filepath.Join(root, path))
		return err != nil || !info.Mode().IsRegular() // deleted, but not yet in git's eyes; or a link
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestNothingNamesOneMachine keeps a build free to run anywhere: where a clone lies, and which mirror a package comes from, is the machine's.
func TestNothingNamesOneMachine(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{
		here + "/", filepath.Join(filepath.Dir(here), "shared") + "/",
		"proxy.golang" + ".org", "sum.golang" + ".org", "registry.npmjs" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org",
		"deb.debian" + ".org", "crates" + ".io", "repo.maven" + ".apache.org",
	}

	for _, path := range tracked(t) {
		content := read(t, path)
		for _, name := range foreign {
			if bytes.Contains(content, []byte(name)) {
				t.Errorf("%s names %s", path, name)
			}
		}
	}
}

func TestEveryModuleIsInTheWorkspace(t *testing.T) {
	t.Parallel()
	workspace := string(read(t, "go.work"))

	for _, path := range tracked(t, "go.mod", "**/go.mod") {
		folder := filepath.Dir(path)
		if strings.HasPrefix(folder, "tools/pinned") || strings.Contains(path, "testdata/") {
			continue // what a linter needs must not choose what a function links
		}
		if !regexp.MustCompile(`(?m)^\s*(use )?\./` + regexp.QuoteMeta(folder) + `$`).MatchString(workspace) {
			t.Errorf("go.work does not use ./%s", folder)
		}
	}
}

// TestEveryPackageOfSharedHasItsRow finds the package that nobody gave a place in the import table: depguard lets it import anything.
func TestEveryPackageOfSharedHasItsRow(t *testing.T) {
	t.Parallel()
	table := string(read(t, ".golangci.yaml"))

	seen := map[string]bool{}
	for _, path := range tracked(t, "shared/*.go") {
		name := strings.Split(path, "/")[1]
		if seen[name] || strings.HasSuffix(name, "test") {
			continue
		}
		seen[name] = true
		if !regexp.MustCompile(`shared/(\{[^}]*\b)?` + regexp.QuoteMeta(name) + `\b[^"]*\*(\.go)?"`).MatchString(table) {
			t.Errorf("no rule of depguard in .golangci.yaml covers shared/%s", name)
		}
	}
}

func TestMakeHasFifteenTargetsOrFewer(t *testing.T) {
	t.Parallel()
	const most = 15

	targets := regexp.MustCompile(`(?m)^([a-z0-9-]+):.* ## `).FindAllStringSubmatch(string(read(t, "Makefile")), -1)
	if len(targets) == 0 || len(targets) > most {
		t.Errorf("make lists %d targets, want 1 to %d", len(targets), most)
	}
}
