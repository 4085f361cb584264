package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestNoPackageKeepsState allows package variables that are tables, compiled patterns and the like. One that begins without a value
// can only be meant to change; so can a lock, a once, a pool or an atomic.
func TestNoPackageKeepsState(t *testing.T) {
	t.Parallel()
	for _, path := range tracked(t, "*.go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, read(t, path), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range stateOf(file) {
			t.Errorf("%s: %s is state of the package", files.Position(state.Pos()), state.Name)
		}
	}
}

// stateOf returns the package variables of a file that are there to change.
func stateOf(file *ast.File) []*ast.Ident {
	var found []*ast.Ident
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			variable := spec.(*ast.ValueSpec)
			if !embedded(group.Doc) && !embedded(variable.Doc) && changes(variable) {
				found = append(found, variable.Names...)
			}
		}
	}
	return found
}

func changes(variable *ast.ValueSpec) bool {
	return len(variable.Values) == 0 || slices.ContainsFunc(variable.Values, synchronises)
}

// synchronises reports whether a value is of package sync or atomic.
func synchronises(value ast.Expr) bool {
	found := false
	ast.Inspect(value, func(node ast.Node) bool {
		if _, ok := node.(*ast.FuncLit); ok {
			return false
		}
		if selector, ok := node.(*ast.SelectorExpr); ok {
			from, ok := selector.X.(*ast.Ident)
			lazy := strings.HasPrefix(selector.Sel.Name, "OnceValue") // a table that is made when it is first read
			found = found || ok && !lazy && (from.Name == "sync" || from.Name == "atomic")
		}
		return !found
	})
	return found
}

// embedded reports whether the compiler fills the variable (package embed).
func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}
