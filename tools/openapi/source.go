package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

const ours = "github.com/17882237881/MaaS/"

// source is what the code says.
type source struct {
	uses      map[string]use          // by the pattern of the route that httpapi.Handle was given
	functions map[string]string       // the functions that there are, and what their packages say of themselves
	docs      map[types.Object]string // comments of types, their fields, constants and functions
	packages  map[string]*types.Package
}

// use is a use case as httpapi.Handle was given it.
type use struct {
	in, out types.Type
	name    string // "CreateModel"
	doc     string
}

// load reads the packages of api, functions and shared below root with their types and comments. It fails if one does not compile.
func load(root string) (*source, error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedTypes |
		packages.NeedSyntax | packages.NeedTypesInfo
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, ours+"api/...", ours+"functions/...", ours+"shared/...")
	if err != nil {
		return nil, err
	}
	s := &source{uses: map[string]use{}, functions: map[string]string{}, docs: map[types.Object]string{}, packages: map[string]*types.Package{}}
	for _, p := range loaded {
		for _, broken := range p.Errors {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.PkgPath, broken))
		}
	}
	if err != nil {
		return nil, err
	}
	for _, p := range loaded {
		s.packages[p.PkgPath] = p.Types
		s.readComments(p)
	}
	for _, p := range loaded {
		if p.Name == "function" {
			s.readFunction(p)
		}
	}
	return s, nil
}

// readComments records the comments of a package's declarations and struct fields.
func (s *source) readComments(p *packages.Package) {
	for _, file := range p.Syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.note(p.TypesInfo.Defs[n.Name], n.Doc)
				return false
			case *ast.GenDecl:
				s.readDeclaration(p.TypesInfo, n)
			case *ast.Field:
				s.noteAll(p.TypesInfo, n.Names, n.Doc, n.Comment)
			}
			return true
		})
	}
}

// readDeclaration records the comments of a declaration of types, constants or variables.
func (s *source) readDeclaration(info *types.Info, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.note(info.Defs[spec.Name], spec.Doc, d.Doc)
		case *ast.ValueSpec:
			s.noteAll(info, spec.Names, spec.Doc, spec.Comment)
		}
	}
}

// noteAll records the first comment that is not empty for each of the names.
func (s *source) noteAll(info *types.Info, names []*ast.Ident, comments ...*ast.CommentGroup) {
	for _, name := range names {
		s.note(info.Defs[name], comments...)
	}
}

// note stores, as the object's doc comment, the first of the comments that is not empty. If all are empty, it changes
// nothing.
func (s *source) note(of types.Object, comments ...*ast.CommentGroup) {
	for _, comment := range comments {
		if text := strings.TrimSpace(comment.Text()); text != "" {
			s.docs[of] = text
			return
		}
	}
}

// readFunction records a function's package comment and the use cases that it registers.
func (s *source) readFunction(p *packages.Package) {
	name := strings.TrimPrefix(p.PkgPath, ours+"functions/")
	for _, file := range p.Syntax {
		if file.Doc != nil {
			s.functions[name] = "Function " + name + strings.TrimPrefix(flat(file.Doc.Text()), "Package function")
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				s.readCall(p.TypesInfo, call)
			}
			return true
		})
	}
}

// readCall records the call if it is one of httpapi.Handle: the route's pattern, the types of the request and the answer, and the use case.
func (s *source) readCall(info *types.Info, call *ast.CallExpr) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	called, ok := info.Uses[selector.Sel].(*types.Func)
	if !ok || called.FullName() != ours+"shared/httpapi.Handle" {
		return
	}
	found := use{in: info.Instances[selector.Sel].TypeArgs.At(0), out: info.Instances[selector.Sel].TypeArgs.At(1)}
	if name := nameIn(call.Args[2]); name != nil {
		found.name, found.doc = name.Name, s.docs[info.Uses[name]]
	}
	s.uses[constant.StringVal(info.Types[call.Args[1]].Value)] = found
}

// nameIn returns the name of a use case in an expression, or of the function that makes it: models.Create, stats(cache). It returns nil if
// there is none.
func nameIn(given ast.Expr) *ast.Ident {
	switch given := given.(type) {
	case *ast.Ident:
		return given
	case *ast.SelectorExpr:
		return given.Sel
	case *ast.CallExpr:
		return nameIn(given.Fun)
	default:
		return nil
	}
}

// named returns a type of a package of api or shared: named("transfer", "Received"). It panics if there is none.
func (s *source) named(pkg, name string) types.Type {
	for _, path := range []string{pkg, "api/" + pkg, "shared/" + pkg} {
		if p, ok := s.packages[ours+path]; ok && p.Scope().Lookup(name) != nil {
			return p.Scope().Lookup(name).Type()
		}
	}
	panic(fmt.Sprintf("openapi: there is no type %s.%s", pkg, name))
}

// flat returns a comment as one line.
func flat(comment string) string { return strings.Join(strings.Fields(comment), " ") }
