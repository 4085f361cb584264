package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPackagesUseTheWords refuses the words that docs/words.md replaces, as parts of names, in the packages that it names.
func TestPackagesUseTheWords(t *testing.T) {
	t.Parallel()
	rows := 0
	for _, row := range regexp.MustCompile("(?m)^\\|[^|]*\\|[^|]*\\|([^|]+)\\|([^|]*`[^|]*)\\|$").FindAllStringSubmatch(string(read(t, "docs/words.md")), -1) {
		rows++
		not, _, _ := strings.Cut(row[1], "(")
		words := strings.FieldsFunc(not, func(r rune) bool { return r == ',' || r == ' ' })
		for _, pkg := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			for _, path := range tracked(t, pkg[1]+"/*.go") {
				if !strings.HasSuffix(path, "_test.go") {
					refuseWords(t, path, words)
				}
			}
		}
	}
	if rows < 5 {
		t.Errorf("docs/words.md has %d rows with packages, want 5 or more", rows)
	}
}

// refuseWords fails for each name that a file declares of which a word, or its plural, is part.
func refuseWords(t *testing.T, path string, words []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, read(t, path), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[*ast.Ident]bool{} // names of other packages and fields, which are judged where they are declared
	ast.Inspect(file, func(n ast.Node) bool {
		if selected, ok := n.(*ast.SelectorExpr); ok {
			elsewhere[selected.Sel] = true
		}
		name, ok := n.(*ast.Ident)
		if !ok || elsewhere[name] {
			return true
		}
		for _, part := range regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`).FindAllString(name.Name, -1) {
			if word := strings.ToLower(part); slices.Contains(words, word) || slices.Contains(words, strings.TrimSuffix(word, "s")) {
				t.Errorf("%s: %s has the word %q, which docs/words.md replaces", files.Position(name.Pos()), name.Name, word)
			}
		}
		return true
	})
}
