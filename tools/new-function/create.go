package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"go/format"
	"go/token"
	"go/types"
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

const (
	services = "knative/base/kustomization.yaml" // lists a cluster's Services
	mounted  = "cmd/maas/host/functions.go"      // lists the functions of `maas up`
	codeMap  = "ARCHITECTURE.md"                 // lists the folders
	ours     = "github.com/17882237881/MaaS/"
	unstated = "v0.0.0-00010101000000-000000000000" // the version of a module that a replace directive finds, as go mod tidy writes it
)

// create writes the function's five files and its Service below root, mounts it in `maas up`, and adds it to go.work, the list of Services and the code
// map. It returns an error, and has changed nothing, if the name is not valid or functions/ has a folder of that name.
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
	if err := replaceFirst(filepath.Join(root, codeMap), "started by events\n", "started by events\n  "+function+"\n"); err != nil {
		return err
	}
	if err := goCommand(ctx, root, "work", "use", "./functions/"+function); err != nil {
		return err
	}
	if err := goCommand(ctx, folder, "mod", "tidy"); err != nil {
		return err
	}
	return mount(ctx, root, function)
}

// mount adds the function to those of `maas up`: to the list in its source, and to its module.
func mount(ctx context.Context, root, function string) error {
	path, module := filepath.Join(root, mounted), ours+"functions/"+function
	alias := strings.ReplaceAll(function, "-", "")
	if token.IsKeyword(alias) || types.Universe.Lookup(alias) != nil || alias == "serve" {
		alias += "function" // the file uses the word for something else
	}
	if err := replaceFirst(path, "\n)\n", fmt.Sprintf("\n\t%s %q\n)\n", alias, module)); err != nil {
		return err
	}
	if err := enlist(path, "\t\t\"", fmt.Sprintf("%s\": %s.New(),", function, alias)); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if text, err = format.Source(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	command := filepath.Join(root, "cmd", "maas")
	if err := goCommand(ctx, command, "mod", "edit", "-require="+module+"@"+unstated, "-replace="+module+"=../../functions/"+function); err != nil {
		return err
	}
	return goCommand(ctx, command, "mod", "tidy")
}

// replaceFirst replaces the first occurrence of a text in a file. It fails if there is none.
func replaceFirst(path, old, by string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(old)) {
		return fmt.Errorf("%s has no %q, after which the function is added", path, old)
	}
	return os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(by), 1), 0o644)
}

// write writes each file of template/ below root. NAME in a path becomes the function's name, and the ending .tmpl is dropped.
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

// enlist adds the line prefix+name to a file, in order among the lines with the prefix.
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

// lastIndex returns the index of the last line with the prefix, -1 if there is none.
func lastIndex(lines []string, prefix string) int {
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

// goCommand runs go in the folder. Its output is part of the error, and otherwise dropped.
func goCommand(ctx context.Context, folder string, arguments ...string) error {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, out)
	}
	return nil
}
