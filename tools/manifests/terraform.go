package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// overlays returns each overlay as a template for Terraform's templatefile, by its path. Images and settings are references there.
func overlays(ctx context.Context, root string) (map[string][]byte, error) {
	folder, err := os.MkdirTemp("", "manifests-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "knative"))); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range []string{"local", "production"} {
		path := "infra/terraform/modules/functions/manifests/" + name + ".yaml.tftpl"
		if files[path], err = open(ctx, filepath.Join(folder, "overlays", name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// open builds an overlay and returns it as a template for Terraform. It changes the overlay's settings.yaml.
func open(ctx context.Context, overlay string) ([]byte, error) {
	marks, err := mark(filepath.Join(overlay, "settings.yaml"))
	if err != nil {
		return nil, err
	}
	built, err := build(ctx, overlay)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(built))
	text = strings.NewReplacer(marks...).Replace(text)
	text = regexp.MustCompile(`ko://[^\s"]+`).ReplaceAllString(text, `$${images["$0"]}`)
	return []byte("# Made by make generate out of knative.\n" + text), nil
}

// mark replaces the values in an overlay's settings by marks and writes the file. It returns each mark followed by the reference that
// Terraform has in its place. The mark of a number is a number above all ports, since kustomize takes nothing else there.
func mark(path string) (marks []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var settings map[string]any
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data, _ := settings["data"].(map[string]any)
	for name, value := range data {
		mark := "setting." + name + ".of-terraform"
		if _, err := strconv.Atoi(fmt.Sprint(value)); err == nil {
			mark = strconv.Itoa(100_000 + len(marks))
		}
		marks = append(marks, mark, `${settings["`+name+`"]}`)
		data[name] = mark
	}
	text, err = yaml.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return marks, os.WriteFile(path, text, 0o600)
}
