package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// Find returns the path of the one ONNX model to serve below a folder (formats.Entry). It goes by content: the file may have any name. It
// fails with Unprocessable if there is no such model, or its weights are not in the folder in full, and with Unavailable if the folder cannot
// be read.
func Find(folder string) (string, error) {
	found := search{folder: folder, models: map[ref.Path]formats.Model{}}
	if err := filepath.WalkDir(folder, found.look); err != nil {
		return "", fault.New(fault.Unavailable, "the model's folder cannot be read", fault.Cause(err))
	}
	names := slices.Sorted(maps.Keys(found.models))
	entry, ok := formats.Entry(names)
	switch {
	case ok:
		return filepath.Join(folder, filepath.FromSlash(string(entry))), checkExternal(folder, entry, found.models[entry])
	case len(names) == 0:
		return "", fault.New(fault.Unprocessable, "there is no ONNX model in the folder ("+strings.Join(found.others, "; ")+")")
	default:
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("there is more than one ONNX model in the folder, and none is called model.onnx: %v", names))
	}
}

// search gathers what the files below a folder are.
type search struct {
	folder string
	models map[ref.Path]formats.Model
	others []string // why each other file is no model
}

// look records whether the file at path is a model or why not. It is the function for filepath.WalkDir; folders are passed over.
func (s *search) look(path string, entry fs.DirEntry, err error) error {
	if err != nil || !isFile(path, entry) {
		return err
	}
	relative, err := filepath.Rel(s.folder, path)
	if err != nil {
		return err
	}
	name := ref.Path(filepath.ToSlash(relative))
	model, err := recognise(path, name)
	refusal, refused := errors.AsType[*formats.Refusal](err)
	switch {
	case refused:
		s.others = append(s.others, fmt.Sprintf("%s: %s", name, refusal.Detail))
	case err != nil:
		return err
	case model.Format == formats.ONNX:
		s.models[name] = model
	default:
		s.others = append(s.others, fmt.Sprintf("%s: this is no model", name))
	}
	return nil
}

// checkExternal fails with Unprocessable unless the files with the model's external data are in the folder, with all the bytes that the model
// needs. Links that lead out of the folder are not followed.
func checkExternal(folder string, entry ref.Path, model formats.Model) error {
	if len(model.External) == 0 {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fault.New(fault.Unavailable, "the model's folder cannot be read", fault.Cause(err))
	}
	defer func() { _ = root.Close() }() // only read from
	for _, external := range model.External {
		name := formats.Beside(entry, external.Path)
		switch about, err := root.Stat(filepath.FromSlash(string(name))); {
		case err != nil:
			return fault.New(fault.Unprocessable, fmt.Sprintf("the model needs %s, which is not in its folder", name), fault.Cause(err))
		case !about.Mode().IsRegular():
			return fault.New(fault.Unprocessable, fmt.Sprintf("the model needs %s, which is no regular file", name))
		case about.Size() < external.Size:
			return fault.New(fault.Unprocessable, fmt.Sprintf("the model needs %d bytes of %s, which has %d", external.Size, name, about.Size()))
		}
	}
	return nil
}

// isFile reports whether the path is a regular file, or a link to one as mounted volumes have. Errors count as no.
func isFile(path string, entry fs.DirEntry) bool {
	if entry.Type().IsRegular() {
		return true
	}
	target, err := os.Stat(path)
	return err == nil && entry.Type() == fs.ModeSymlink && target.Mode().IsRegular()
}

// recognise returns what the content of a file is. A file that is no proper model is an error, a *formats.Refusal.
func recognise(path string, name ref.Path) (formats.Model, error) {
	file, err := os.Open(path)
	if err != nil {
		return formats.Model{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	about, err := file.Stat()
	if err != nil {
		return formats.Model{}, err
	}
	return formats.Recognise(file, about.Size(), formats.Claim{Path: name})
}
