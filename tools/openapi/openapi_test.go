package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// generated gives what the generator makes of the code as it is.
func generated(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCodeAndDocumentAgree proves that each route is described, with the types that its function registered, and nothing else is.
func TestCodeAndDocumentAgree(t *testing.T) {
	t.Parallel()
	for path, want := range generated(t) {
		kept, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(kept, want) {
			t.Errorf("%s is not what make generate makes", path)
		}
	}
}

func TestReferencesLeadSomewhereAndOperationsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	kept, err := os.ReadFile(filepath.Join(root, embedded))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(kept, &document); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	walk(document, func(name, value string) {
		switch {
		case name == "$ref" && !leads(document, value):
			t.Errorf("%s leads nowhere", value)
		case name == "operationId" && seen[value]:
			t.Errorf("two operations are called %s", value)
		case name == "operationId":
			seen[value] = true
		}
	})
	if len(seen) == 0 {
		t.Error("there are no operations")
	}
}

// walk visits each member whose value is a string.
func walk(value any, visit func(name, value string)) {
	switch v := value.(type) {
	case map[string]any:
		for name, one := range v {
			if text, ok := one.(string); ok {
				visit(name, text)
			}
			walk(one, visit)
		}
	case []any:
		for _, one := range v {
			walk(one, visit)
		}
	}
}

func leads(document map[string]any, reference string) bool {
	var at any = document
	for part := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
		object, _ := at.(map[string]any)
		at = object[part]
	}
	return at != nil
}
