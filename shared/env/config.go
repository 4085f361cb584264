package env

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	caarlos0 "github.com/caarlos0/env/v11"
)

// Config fills a struct by its `env:"NAME" envDefault:"…"` tags (caarlos0/env). A variable that is unset is read from the file that
// NAME_FILE names, where that is set.
func (e *Env) Config(into any) error {
	fields, err := caarlos0.GetFieldParams(into)
	if err != nil {
		return fmt.Errorf("configuration of %s: %w", e.name, err)
	}
	vars := maps.Clone(e.vars)
	for _, field := range fields { // other programs have variables of that form too
		file := e.vars[field.Key+"_FILE"]
		if _, set := e.vars[field.Key]; set || file == "" {
			continue
		}
		text, err := readMounted(file)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", field.Key, err)
		}
		vars[field.Key] = text
	}
	if err := caarlos0.ParseWithOptions(into, caarlos0.Options{Environment: vars}); err != nil {
		return fmt.Errorf("configuration of %s: %w", e.name, err)
	}
	return nil
}

// Secret returns a variable as it is now: where it is mounted as a file (NAME_FILE), each call reads the file again, because mounted
// credentials are rotated under a running process. It is "" where neither is set.
func (e *Env) Secret(name string) (string, error) {
	file := e.vars[name+"_FILE"]
	if value, ok := e.vars[name]; ok || file == "" {
		return value, nil
	}
	text, err := readMounted(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return text, nil
}

// looks is how often a mounted file is looked for.
const looks = 5

// readMounted reads a file without the space around it. Kubelet exchanges the link to the folder of mounted files and then removes the
// former folder: whoever has followed the link before finds nothing there, and what is new the next time.
func readMounted(file string) (string, error) {
	text, err := os.ReadFile(file)
	for look := 1; look < looks && errors.Is(err, fs.ErrNotExist); look++ {
		text, err = os.ReadFile(file)
	}
	return strings.TrimSpace(string(text)), err
}
