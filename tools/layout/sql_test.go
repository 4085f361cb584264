package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statement matches the beginning of a statement on rows, and the calls of functions that Postgres keeps. It does not match the settings of a
// transaction (set local), which package postgres makes for all stores: they name no table of ours.
var statement = regexp.MustCompile(`(?is)^\s*(select\b.*(\bfrom\b|\()|insert\s+into\b|update\s+\S+(\s+(as\s+)?\w+)?\s+set\b|delete\s+from\b|` +
	`merge\s+into\b|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\b|call\s+\w+\s*\()`)

// TestOnlyStoresHoldSQL holds that the SQL of shared stands in store files alone, one for each noun (model_store.go), as do the functions that
// execute it. Package postgres is held to the same: what it asks the database for itself, idempotency keys, the schema's version and logins, has
// stores too. Tests and packages of tests are free.
func TestOnlyStoresHoldSQL(t *testing.T) {
	t.Parallel()
	var stores int
	for _, path := range tracked(t, "shared/*.go") {
		name := filepath.Base(path)
		switch {
		case strings.HasSuffix(name, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test"):
		case name == "store.go" || strings.HasSuffix(name, "_store.go"):
			stores++
		default:
			reportSQL(t, path)
		}
	}
	if stores < 20 {
		t.Errorf("only %d store files were found", stores)
	}
}

// reportSQL fails the test at each string of a file that is a statement, and at each name of one (insertSQL).
func reportSQL(t *testing.T, path string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, read(t, path), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.BasicLit:
			if isStatement(node) {
				t.Errorf("%s: %s is SQL outside of a store file (*_store.go)", files.Position(node.Pos()), node.Value)
			}
		case *ast.Ident:
			if strings.HasSuffix(node.Name, "SQL") {
				t.Errorf("%s: %s is executed outside of a store file (*_store.go)", files.Position(node.Pos()), node.Name)
			}
		}
		return true
	})
}

// interval matches an interval within a statement, but for the unit that numbers are multiplied with (1 millisecond).
var interval = regexp.MustCompile(`interval '[^']*'`)

// TestSQLNamesNoStatusItself holds that statements have statuses, kinds and intervals from Go: as parameters, or put in out of the API's constants.
func TestSQLNamesNoStatusItself(t *testing.T) {
	t.Parallel()
	words := statuses(t)
	if len(words) < 15 {
		t.Fatalf("only %d statuses were found: %q", len(words), words)
	}
	quoted := regexp.MustCompile(`'(` + strings.Join(words, "|") + `)'`)
	for _, path := range tracked(t, "shared/*store.go") {
		for i, line := range strings.Split(string(read(t, path)), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if found := quoted.FindString(code); found != "" {
				t.Errorf("%s:%d: SQL has the status %s as a literal: take the API's constant", path, i+1, found)
			}
			if found := interval.FindString(code); found != "" && found != "interval '1 millisecond'" {
				t.Errorf("%s:%d: SQL has an interval of ours as a literal: give it as a parameter", path, i+1)
			}
		}
	}
}

// statuses returns the values of the API's constants whose types are statuses, or kinds of failures and aliases.
func statuses(t *testing.T) (values []string) {
	t.Helper()
	constant := regexp.MustCompile(`(?m)^\s+\w+ +(?:\w+Status|AliasKind|FailureKind) += "(\w+)"`)
	for _, path := range tracked(t, "api/*.go") {
		for _, found := range constant.FindAllStringSubmatch(string(read(t, path)), -1) {
			values = append(values, found[1])
		}
	}
	return values
}

func isStatement(literal *ast.BasicLit) bool {
	text, err := strconv.Unquote(literal.Value)
	return literal.Kind == token.STRING && err == nil && statement.MatchString(text)
}

func TestStatementsAreRecognised(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"select id from models where name = $1":                   true,
		"\n\t\tselect\n\t\t\tid\n\t\tfrom models":                 true,
		"select outbox_hurry()":                                   true,
		"select from uploads where id = $1 for update":            true,
		"insert into aliases (model_id) values ($1)":              true,
		"INSERT INTO aliases (model_id) VALUES ($1)":              true,
		"update versions v set ready_at = now()":                  true,
		"update throttles as t set count = 1":                     true,
		"delete from models where id = $1":                        true,
		"with recursive up as (select 1) select * from up":        true,
		"begin; set local role maas_catalog":                      false,
		"Select a version.":                                       false,
		"Update the alias first.":                                 false,
		"must be a whole number from 1 to %d":                     false,
		"An alias leads to published versions, with traffic as %": false,
	} {
		literal := &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(text)}
		if got := isStatement(literal); got != want {
			t.Errorf("isStatement(%q) = %v, want %v", text, got, want)
		}
	}
}
