package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed template
var templates embed.FS

// name is what Knative takes for a Service (a DNS label: RFC 1035, 2.3.4), with single dashes as in all names here.
var name = regexp.MustCompile(`^[a-z](-?[a-z0-9])*$`)

const longest = 63

// services is where a cluster's Services are listed.
const services = "knative/base/kustomization.yaml"

// create writes the function's five files and its Service below root, adds the module to go.work and the Service to the list, and fills in
// go.mod. What is there already is left alone.
func create(ctx context.Context, root, function string) error {
	if len(function) > longest || !name.MatchString(function) {
		return fmt.Errorf("%q is no name for a function: lowercase letters, digits and single dashes, a letter first, %d at most", function, longest)
	}
	folder := filepath.Join(root, "functions", function)
	if _, err := os.Stat(folder); err == nil {
		return fmt.Errorf("%s is there already", folder)
	}
	if err := write(root, function); err != nil {
		return err
	}
	if err := enlist(filepath.Join(root, services), "- services/", function+".yaml"); err != nil {
		return err
	}
	if err := goCommand(ctx, root, "work", "use", "./functions/"+function); err != nil {
		return err
	}
	return goCommand(ctx, folder, "mod", "tidy")
}

// write renders each file of template/ below root; NAME in a path is the function's name, and the ending .tmpl goes.
func write(root, function string) error {
	content := struct{ Name, Created string }{function, time.Now().UTC().Format(time.DateOnly) + "T00:00:00Z"}
	return fs.WalkDir(templates, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		parsed, err := template.ParseFS(templates, path)
		if err != nil {
			return err
		}
		relative := strings.TrimSuffix(strings.TrimPrefix(path, "template/"), ".tmpl")
		target := filepath.Join(root, strings.ReplaceAll(relative, "NAME", function))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		var rendered bytes.Buffer
		if err := parsed.Execute(&rendered, content); err != nil {
			return err
		}
		return os.WriteFile(target, rendered.Bytes(), 0o644)
	})
}

// enlist adds a name to the lines of a file that have the prefix, in their order.
func enlist(path, prefix, name string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := slices.Collect(strings.Lines(string(text)))
	line := prefix + name + "\n"
	at := slices.IndexFunc(lines, func(there string) bool { return strings.HasPrefix(there, prefix) && there > line })
	if at < 0 {
		at = 1 + lastIndex(lines, prefix)
	}
	return os.WriteFile(path, []byte(strings.Join(slices.Insert(lines, at, line), "")), 0o644)
}

// lastIndex gives the place of the last line with the prefix, -1 if there is none.
func lastIndex(lines []string, prefix string) int {
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

// goCommand runs go in the folder, and shows what it says only if it fails.
func goCommand(ctx context.Context, folder string, arguments ...string) error {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, out)
	}
	return nil
}
