// Command openapi writes docs/openapi.yaml and shared/openapi/openapi.json, the OpenAPI 3.1 description of what the functions offer by HTTP:
// go run ./tools/openapi
//
// It reads the route table, and out of the functions' sources what each route takes and gives and what is said about it in comments.
// Routes that read or write their bytes themselves are described by hand, in streams.go. It is run in the repository's root.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Where the document is kept: for people, and for functions to embed.
const (
	readable = "docs/openapi.yaml"
	embedded = "shared/openapi/openapi.json"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// run generates the files and writes them below root.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(root, path), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their paths below root. It fails if the code does not compile or a route is not described.
func generate(root string) (map[string][]byte, error) {
	code, err := load(root)
	if err != nil {
		return nil, err
	}
	described, err := describe(code)
	if err != nil {
		return nil, err
	}
	compact, err := json.Marshal(described)
	if err != nil {
		return nil, err
	}
	text, err := yamlOf(compact)
	return map[string][]byte{embedded: append(compact, '\n'), readable: text}, err
}

// yamlOf returns a JSON text as YAML in block style. Members stay in their order.
func yamlOf(text []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	plain(&document)
	out := bytes.NewBufferString("# Made by make generate out of the route table and the functions' sources.\n")
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	err := encoder.Encode(&document)
	return out.Bytes(), err
}

// plain sets the node and all below it to the default style of YAML.
func plain(node *yaml.Node) {
	node.Style = 0
	for _, child := range node.Content {
		plain(child)
	}
}
