package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/formats"
)

// mainName is how the file to serve is called where a version has several models; publishing chose it by the same rule.
const mainName = "model."

// Find gives the path of the ONNX model below a folder: the only one, or of several the one that is called model.<something> in the folder
// itself. It goes by content, as verification did when the version was uploaded: the model's file may have any name, and its weights may lie
// in files beside it.
func Find(folder string) (string, error) {
	var models, others []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !isFile(path, entry) {
			return err
		}
		var refusal *formats.Refusal
		switch err := recognise(path); {
		case errors.As(err, &refusal):
			others = append(others, fmt.Sprintf("%s: %s", entry.Name(), refusal.Detail))
		case err != nil:
			return err
		default:
			models = append(models, path)
		}
		return nil
	})
	if called := mains(folder, models); len(models) > 1 && len(called) > 0 {
		models = called
	}
	switch {
	case err != nil:
		return "", fault.New(fault.Unavailable, "the model's folder cannot be read", fault.Cause(err))
	case len(models) == 1:
		return models[0], nil
	case len(models) == 0:
		return "", fault.New(fault.Unprocessable, "there is no ONNX model in the folder ("+strings.Join(others, "; ")+")")
	default:
		return "", fault.New(fault.Unprocessable, "there is more than one ONNX model in the folder: "+strings.Join(relative(folder, models), ", "))
	}
}

// relative gives paths as seen from the folder.
func relative(folder string, paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = strings.TrimPrefix(path, filepath.Clean(folder)+string(filepath.Separator))
	}
	return names
}

// mains gives those of the models that are called as the one to serve is.
func mains(folder string, models []string) (called []string) {
	for _, path := range models {
		if filepath.Dir(path) == filepath.Clean(folder) && strings.HasPrefix(filepath.Base(path), mainName) {
			called = append(called, path)
		}
	}
	return called
}

// isFile follows links, of which mounted volumes are full.
func isFile(path string, entry fs.DirEntry) bool {
	if entry.Type().IsRegular() {
		return true
	}
	target, err := os.Stat(path)
	return err == nil && entry.Type() == fs.ModeSymlink && target.Mode().IsRegular()
}

// recognise gives nil for an ONNX model and a refusal for any other file.
func recognise(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	about, err := file.Stat()
	if err != nil {
		return err
	}
	_, err = formats.Recognise(file, about.Size())
	return err
}
