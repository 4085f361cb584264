package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// generated returns what the generator makes of the code as it is.
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
		there, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(there, want) {
			t.Errorf("%s is not what make generate makes", path)
		}
	}
}

// kept returns the document as it lies in the repository.
func kept(t *testing.T) (document map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, embedded))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func TestTheDocumentSaysWhatTheCodeDoes(t *testing.T) {
	t.Parallel()
	document := kept(t)
	const body, answer = "requestBody content application/json schema ", "content application/json schema "
	for path, want := range map[string]string{
		"/v1/auth/register post " + body + "required":                                   `["email","password","tenant"]`,
		"/v1/auth/register post " + body + "additionalProperties":                       `false`,
		"/v1/auth/register post security":                                               `[]`,
		"/v1/models/{t}/{m} patch " + body + "required":                                 `null`,
		"/v1/models/{t}/{m} patch parameters 0 name":                                    `"t"`,
		"/v1/models/{t}/{m} patch parameters 2":                                         `{"$ref":"#/components/parameters/If-Match"}`,
		"/v1/models/{t}/{m}/versions/{ref} patch parameters 2 name":                     `"ref"`,
		"/v1/models/{t}/{m}/versions/{v}/publish post responses 202 " + answer + "$ref": `"#/components/schemas/Version"`,
		"/v1/uploads/{id}/complete post responses 202 " + answer + "$ref":               `"#/components/schemas/Upload"`,
		"/v1/uploads/{id} delete responses 204 content":                                 `null`,
		"/v1/api-keys get responses 200 " + answer + "properties items type":            `"array"`,
	} {
		if got, err := json.Marshal(find(document["paths"], path)); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for schema, want := range map[string]string{
		"Model properties latest anyOf 1":  `{"type":"null"}`,
		"VersionStatus enum":               `["draft","published","deprecated","retired"]`,
		"Key properties secret type":       `"string"`,
		"ref.Tenant maxLength":             `63`,
		"ChunkRange minItems":              `2`,
		"Version additionalProperties":     `null`,
		"Models properties items type":     `"array"`,
		"Key properties expires_at type":   `["string","null"]`,
		"Me properties tenants items $ref": `"#/components/schemas/Membership"`,
	} {
		if got, err := json.Marshal(find(document["components"], "schemas "+schema)); err != nil || string(got) != want {
			t.Errorf("%s is %s, want %s", schema, got, want)
		}
	}
}

// find goes down by the words of the path.
func find(at any, path string) any {
	for word := range strings.FieldsSeq(path) {
		if list, ok := at.([]any); ok {
			i, err := strconv.Atoi(word)
			if err != nil || i >= len(list) {
				return nil
			}
			at = list[i]
			continue
		}
		object, _ := at.(map[string]any)
		at = object[word]
	}
	return at
}

func TestReferencesLeadSomewhereAndOperationsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	document := kept(t)
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
	return find(document, strings.ReplaceAll(strings.TrimPrefix(reference, "#/"), "/", " ")) != nil
}
