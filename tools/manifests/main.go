// Command manifests writes what of the cluster's manifests follows from the code, and of the functions' func.yaml from the manifests:
// go run ./tools/manifests
//
//	knative/gateway/routes.yaml     an HTTPRoute for each function, out of the route table
//	knative/eventing/triggers.yaml  a Trigger for each event type and consumer, out of the catalogue of events
//	functions/*/func.yaml           how func runs and deploys the function, out of knative/base
//	infra/terraform/modules/functions/manifests/*.tftpl    the overlays as Terraform takes them, out of knative/overlays
//
// It is run in the repository's root and needs kustomize.
package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/17882237881/MaaS/shared/httpapi"
)

//go:embed *.tmpl
var templates embed.FS

func main() {
	if err := run(context.Background(), "."); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

// run generates all files and writes them below root. It stops at the first error.
func run(ctx context.Context, root string) error {
	for _, generate := range generators() {
		files, err := generate(ctx, root)
		if err != nil {
			return err
		}
		for path, text := range files {
			if err := os.WriteFile(filepath.Join(root, path), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// generators returns the functions that generate files, which they return by their paths below root. A later one reads what those before it
// have written.
func generators() []func(ctx context.Context, root string) (map[string][]byte, error) {
	return []func(context.Context, string) (map[string][]byte, error){sources, overlays}
}

// sources returns what follows from the code, and the functions' func.yaml.
func sources(ctx context.Context, root string) (map[string][]byte, error) {
	services, err := servicesOf(ctx, root)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, service := range services {
		path := filepath.Join("functions", name, "func.yaml")
		if files[path], err = describe(filepath.Join(root, path), service); err != nil {
			return nil, err
		}
	}
	reached, err := routes(httpapi.Routes(), services)
	if err != nil {
		return nil, err
	}
	if files["knative/gateway/routes.yaml"], err = render("routes.yaml.tmpl", reached); err != nil {
		return nil, err
	}
	files["knative/eventing/triggers.yaml"], err = render("triggers.yaml.tmpl", triggers())
	return files, err
}

// render executes the embedded template of a name with the content.
func render(name string, content any) ([]byte, error) {
	parsed, err := template.ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, content)
	return text.Bytes(), err
}
