// Command sample prints functions of the project, drawn by chance, as a new reader meets them at a call: package, comment and signature, without the body.
// Whoever cannot say what one does, when it fails and what its limits are has found a comment to mend:
//
//	go run ./tools/sample -n 60 -seed 7          what the reader is shown
//	go run ./tools/sample -n 60 -seed 7 -where   where each stands, to compare
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// function is a function with a body.
type function struct {
	at   token.Position
	text string // comment and signature
}

func main() {
	n := flag.Int("n", 60, "how many functions to print")
	seed := flag.Uint64("seed", 1, "what chance begins with: the same seed draws the same functions of the same sources")
	where := flag.Bool("where", false, "print where each function stands instead of its comment")
	flag.Parse()

	all, err := functions()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	chance := rand.New(rand.NewPCG(*seed, 0)) //nolint:gosec // it guards nothing
	chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, f := range all[:min(*n, len(all))] {
		if *where {
			fmt.Printf("%d. %s:%d\n", i+1, f.at.Filename, f.at.Line)
		} else {
			fmt.Printf("%d. package %s\n%s\n\n", i+1, path.Dir(f.at.Filename), f.text)
		}
	}
}

// functions returns the functions of all tracked Go files, but for tests and what is generated, in the order of their positions.
func functions() ([]function, error) {
	listed, err := exec.CommandContext(context.Background(), "git", "ls-files", "--", "*.go").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	files := token.NewFileSet()
	var all []function
	for name := range strings.FieldsSeq(string(listed)) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if ast.IsGenerated(file) {
			continue
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Body != nil {
				all = append(all, function{files.Position(f.Pos()), signature(files, f)})
			}
		}
	}
	slices.SortFunc(all, func(a, b function) int {
		return cmp.Or(strings.Compare(a.at.Filename, b.at.Filename), a.at.Line-b.at.Line)
	})
	return all, nil
}

// signature returns the function's comment and its declaration without the body.
func signature(files *token.FileSet, f *ast.FuncDecl) string {
	var b strings.Builder
	f.Body = nil
	_ = printer.Fprint(&b, files, f) // a Builder takes everything
	return b.String()
}
