package main

import (
	"go/ast"
	"go/types"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const ours = "github.com/17882237881/MaaS/"

// openers returns the functions that read what a label needs.maas.dev/… has mounted.
func openers() map[string][]string {
	const shared = ours + "shared/"
	return map[string][]string{
		"postgres":     {shared + "postgres.Open"},
		"redis":        {shared + "cache.Open"},
		"store":        {shared + "objects.Open"},
		"service-key":  {"(" + shared + "settings.Settings).ServiceKey"},
		"signing-keys": {shared + "auth.OpenSigner"},
		"verify-keys":  {shared + "identity.OpenAuthenticator", shared + "resolver.Open"}, // a guard without an authenticator verifies no token
	}
}

// TestAFunctionIsGivenWhatItOpens compares the labels of each Service with what the function's code leads to: nothing that it needs is
// missing, and no secret is mounted into a function that has no use for it.
func TestAFunctionIsGivenWhatItOpens(t *testing.T) {
	t.Parallel()
	calls := loadCalls(t)
	for name, s := range services(t) {
		reached := calls.reach(ours + "functions/" + name + ".New")
		for need, functions := range openers() {
			opens := slices.ContainsFunc(functions, func(f string) bool { return reached[f] })
			if _, given := s.Metadata.Labels["needs.maas.dev/"+need]; opens != given {
				t.Errorf("%s: it opens %s: %v; its Service has the label needs.maas.dev/%s: %v", name, functions, opens, need, given)
			}
		}
	}
}

// calls gives, for each function of ours, the functions of ours that it names.
type calls map[string]map[string]bool

func loadCalls(t *testing.T) calls {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{
		Context: t.Context(), Dir: root, BuildFlags: builtWith(),
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports,
	}, patterns(t)...)
	if err != nil {
		t.Fatal(err)
	}
	all := calls{}
	for _, p := range loaded {
		for _, failure := range p.Errors {
			t.Fatal(failure)
		}
		for _, file := range p.Syntax {
			all.add(p.TypesInfo, file)
		}
	}
	return all
}

// builtWith returns the flags by which go finds compiled what is compiled for the other tests anyway: KServe's packages take minutes.
func builtWith() []string {
	info, _ := debug.ReadBuildInfo()
	if info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return []string{"-race"}
	}
	return nil
}

// patterns are of the packages that functions are made of.
func patterns(t *testing.T) []string {
	t.Helper()
	all := []string{"./shared/..."}
	for name := range services(t) {
		all = append(all, "./functions/"+name+"/...")
	}
	return all
}

func (c calls) add(info *types.Info, file *ast.File) {
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		from := info.Defs[function.Name].(*types.Func).FullName()
		if c[from] == nil {
			c[from] = map[string]bool{}
		}
		ast.Inspect(function.Body, func(node ast.Node) bool {
			if name, ok := node.(*ast.Ident); ok {
				if to, ok := info.Uses[name].(*types.Func); ok && strings.Contains(to.FullName(), ours) {
					c[from][to.Origin().FullName()] = true
				}
			}
			return true
		})
	}
}

// reach returns all that a function leads to.
func (c calls) reach(from string) map[string]bool {
	reached := map[string]bool{}
	for next := []string{from}; len(next) > 0; {
		one := next[len(next)-1]
		next = next[:len(next)-1]
		if !reached[one] {
			reached[one] = true
			next = slices.AppendSeq(next, maps.Keys(c[one]))
		}
	}
	return reached
}
