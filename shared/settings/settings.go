// Package settings reads the settings and secrets of a process from its environment variables, and from the mounted files that they name.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	caarlos0 "github.com/caarlos0/env/v11"
)

// Settings are the environment variables of a process, as one of its functions reads them. They do not change, but the files that they name
// may.
type Settings struct {
	name string
	vars map[string]string
}

// New returns the settings in a copy of vars. reader, a function or a command, is named in errors.
func New(reader string, vars map[string]string) Settings {
	return Settings{name: reader, vars: maps.Clone(vars)}
}

// For returns the settings as another function of the process reads them.
func (s Settings) For(reader string) Settings { return Settings{name: reader, vars: s.vars} }

// Config fills a struct by its `env:"NAME" envDefault:"…"` tags (caarlos0/env). A variable that is unset is read from the file that
// NAME_FILE names, if that is set. It returns an error if a file cannot be read, a required variable is missing or a value does not parse.
func (s Settings) Config(into any) error {
	fields, err := caarlos0.GetFieldParams(into)
	if err != nil {
		return fmt.Errorf("configuration of %s: %w", s.name, err)
	}
	vars := maps.Clone(s.vars)
	for _, field := range fields { // other programs have variables of that form too
		file := s.vars[field.Key+"_FILE"]
		if _, set := s.vars[field.Key]; set || file == "" {
			continue
		}
		text, err := readMounted(file)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", field.Key, err)
		}
		vars[field.Key] = text
	}
	if err := caarlos0.ParseWithOptions(into, caarlos0.Options{Environment: vars}); err != nil {
		return fmt.Errorf("configuration of %s: %w", s.name, err)
	}
	return nil
}

// Secret returns the current value of a variable. If a file is mounted for it (NAME_FILE), each call reads the file again, because mounted
// credentials are rotated while a process runs. It returns "" if neither is set, and an error if the file cannot be read.
func (s Settings) Secret(name string) (string, error) {
	file := s.vars[name+"_FILE"]
	if value, ok := s.vars[name]; ok || file == "" {
		return value, nil
	}
	text, err := readMounted(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return text, nil
}

// maxReads bounds the tries to read a mounted file.
const maxReads = 5

// readMounted returns the content of a file without surrounding white space. While kubelet replaces mounted files, a file may be missing for a
// moment: it tries maxReads times.
func readMounted(file string) (string, error) {
	text, err := os.ReadFile(file)
	for reads := 1; reads < maxReads && errors.Is(err, fs.ErrNotExist); reads++ {
		text, err = os.ReadFile(file)
	}
	return strings.TrimSpace(string(text)), err
}
