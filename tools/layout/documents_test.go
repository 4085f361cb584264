package layout

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheThreatModelNamesTestsThatAreThere keeps the promise of docs/threat-model.md: each threat has its test.
func TestTheThreatModelNamesTestsThatAreThere(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, file := range tracked(t, "*_test.go") {
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(read(t, file), -1) {
			there[string(found[1])] = true
		}
	}
	for _, named := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(read(t, "docs/threat-model.md"), -1) {
		if !there[string(named[1])] {
			t.Errorf("there is no %s", named[1])
		}
	}
}

func TestTheReadmeNamesEachVariable(t *testing.T) {
	t.Parallel()
	readme := string(read(t, "README.md"))

	variables := map[string]string{}
	for _, file := range tracked(t, "shared/*.go", "cmd/*.go", "functions/*.go", "runtimes/*.go") {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(path.Dir(file), "test") {
			continue
		}
		for _, found := range regexp.MustCompile("`env:\"([A-Z0-9]+_[A-Z0-9_]+)").FindAllSubmatch(read(t, file), -1) {
			variables[string(found[1])] = file
		}
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("README.md does not tell of %s, which %s reads", name, variables[name])
		}
	}
}

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, "*.md") {
		for _, found := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllSubmatch(read(t, file), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), string(found[1]))); err != nil {
				t.Errorf("%s: nothing is at %s", file, found[1])
			}
		}
	}
}

// TestTheCodeMapIsTheCode compares the folders that ARCHITECTURE.md names, by their indentation, with those that there are.
func TestTheCodeMapIsTheCode(t *testing.T) {
	t.Parallel()
	named := codeMap(t)

	for _, folder := range named {
		if info, err := os.Stat(filepath.Join(root, folder)); err != nil || !info.IsDir() {
			t.Errorf("there is no folder %s", folder)
		}
	}
	for _, file := range tracked(t, "shared/*.go", "functions/*.go", "cmd/maas/*.go") {
		folder := strings.Join(strings.Split(file, "/")[:2], "/")
		if strings.HasPrefix(file, "cmd/") {
			folder = path.Dir(file)
		}
		if !strings.HasSuffix(folder, "test") && !slices.Contains(named, folder) {
			t.Errorf("the code map does not have %s", folder)
			named = append(named, folder) // said once
		}
	}
}

func TestTheImportTableHasEachPackage(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(string(read(t, "ARCHITECTURE.md")), "## Import table")
	table, _, _ = strings.Cut(table, "\n## ")

	for _, folder := range codeMap(t) {
		name, ok := strings.CutPrefix(folder, "shared/")
		if ok && !regexp.MustCompile("(?m)^\\| [0-9] \\|[^|]*`"+name+"`").MatchString(table) {
			t.Errorf("no row of the import table has %s", name)
		}
	}
}

func codeMap(t *testing.T) []string {
	t.Helper()
	_, text, _ := strings.Cut(string(read(t, "ARCHITECTURE.md")), "## Code map\n\n```\n")
	text, _, _ = strings.Cut(text, "```")
	var all []string
	parent := ""
	for line := range strings.Lines(text) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "   ")
		below := strings.HasPrefix(line, " ")
		for name := range strings.FieldsSeq(names) {
			switch {
			case strings.HasPrefix(name, "…"):
			case below:
				all = append(all, path.Join(parent, name))
			default:
				parent = strings.TrimSuffix(name, "/")
				all = append(all, parent)
			}
		}
	}
	return all
}

// TestTheLifecyclesAreThoseOfTheDatabase compares the arrows that docs/lifecycle.md draws with the steps that triggers allow.
func TestTheLifecyclesAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	var allowed, drawn []string
	for _, file := range tracked(t, "shared/postgres/migrations/*.sql") {
		for _, guard := range regexp.MustCompile(`(?s)\(old\.status, new\.status\) not in\s*\((.*?)\) then`).FindAllSubmatch(read(t, file), -1) {
			for _, step := range regexp.MustCompile(`\('(\w+)', '(\w+)'\)`).FindAllSubmatch(guard[1], -1) {
				allowed = append(allowed, string(step[1])+" --> "+string(step[2]))
			}
		}
	}
	for _, arrow := range regexp.MustCompile(`(?m)^  (\w+) --> (\w+):`).FindAllSubmatch(read(t, "docs/lifecycle.md"), -1) {
		drawn = append(drawn, string(arrow[1])+" --> "+string(arrow[2]))
	}
	slices.Sort(allowed)
	slices.Sort(drawn)
	if len(drawn) == 0 || !slices.Equal(allowed, drawn) {
		t.Errorf("drawn  %q\nallowed %q", drawn, allowed)
	}
}

// TestAlertsAreOfWhatIsMeasured keeps knative/alerts.yaml true: each metric is one that the code has, and operations.md tells what to do.
func TestAlertsAreOfWhatIsMeasured(t *testing.T) {
	t.Parallel()
	rules, operations := read(t, "knative/alerts.yaml"), string(read(t, "docs/operations.md"))
	var code strings.Builder
	for _, file := range tracked(t, "shared/*.go") {
		code.Write(read(t, file))
	}

	metrics := regexp.MustCompile(`\b((?:maas|http)_[a-z_]+?)(?:_bucket|_count)?[{\[)]`).FindAllSubmatch(rules, -1)
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1)
	if len(alerts) == 0 || len(metrics) < len(alerts) {
		t.Fatalf("%d alerts of %d metrics", len(alerts), len(metrics))
	}
	for _, found := range metrics {
		if !strings.Contains(code.String(), `"`+string(found[1])+`"`) {
			t.Errorf("nothing measures %s", found[1])
		}
	}
	for _, found := range alerts {
		if !strings.Contains(operations, "`"+string(found[1])+"`") {
			t.Errorf("docs/operations.md does not tell of %s", found[1])
		}
	}
}
