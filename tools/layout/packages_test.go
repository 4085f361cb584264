package layout

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackageCommentsStandInTheFileOfThePackagesName reads the package comment of each folder: it stands once, in <package>.go or, where a
// package has tests alone, in doc.go.
func TestPackageCommentsStandInTheFileOfThePackagesName(t *testing.T) {
	t.Parallel()
	files, commented := map[string][]string{}, map[string][]string{}
	for _, path := range tracked(t, "*.go") {
		source := read(t, path)
		if strings.HasSuffix(path, "_test.go") || strings.Contains(string(source), "\n// Code generated ") || strings.HasPrefix(string(source), "// Code generated ") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(path)
		files[folder] = append(files[folder], filepath.Base(path))
		if file.Doc == nil {
			continue
		}
		commented[folder] = append(commented[folder], path)
		if name := filepath.Base(path); name != file.Name.Name+".go" && name != "doc.go" {
			t.Errorf("%s has the comment of package %s, which belongs to %s.go", path, file.Name.Name, file.Name.Name)
		}
	}
	for folder, names := range files {
		if len(commented[folder]) != 1 {
			t.Errorf("%s has %d package comments, want 1: %q", folder, len(commented[folder]), commented[folder])
		}
		if slices.Contains(names, "doc.go") && len(names) > 1 {
			t.Errorf("%s has the files %q: its package comment belongs to the file of the package's name", folder, names)
		}
	}
}
