package model

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/shared/fault"
)

// Find gives the path of the one ONNX model below a folder. It goes by content, since a version's files may have any names; where weights
// beside the model happen to look like one too, it is the file whose name ends in .onnx.
func Find(folder string) (string, error) {
	var looking, named []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !isFile(path, entry) {
			return err
		}
		ok, err := looksLikeONNX(path)
		if ok {
			looking = append(looking, path)
		}
		if ok && strings.HasSuffix(path, ".onnx") {
			named = append(named, path)
		}
		return err
	})
	switch {
	case err != nil:
		return "", fault.New(fault.Unavailable, "the model's folder "+folder+" cannot be read", fault.Cause(err))
	case len(looking) == 1:
		return looking[0], nil
	case len(named) == 1:
		return named[0], nil
	case len(looking) == 0:
		return "", fault.New(fault.Unprocessable, "there is no ONNX model in "+folder)
	default:
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("there are %d ONNX models in %s: %s", len(looking), folder, strings.Join(looking, ", ")))
	}
}

// isFile follows links, of which mounted volumes are full.
func isFile(path string, entry fs.DirEntry) bool {
	if entry.Type().IsRegular() {
		return true
	}
	target, err := os.Stat(path)
	return err == nil && entry.Type() == fs.ModeSymlink && target.Mode().IsRegular()
}

// looksLikeONNX reports whether the file begins as a ModelProto does: field 1, ir_version, a small number, and then another of its fields.
func looksLikeONNX(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := f.Read(head) // a file that is too short is no model
	return startsModel(head[:n]), nil
}

func startsModel(head []byte) bool {
	const irVersion, largestIRVersion, largestField = 1, 64, 26
	field, kind, size := protowire.ConsumeTag(head)
	if size < 0 || field != irVersion || kind != protowire.VarintType {
		return false
	}
	version, length := protowire.ConsumeVarint(head[size:])
	if length < 0 || version == 0 || version > largestIRVersion {
		return false
	}
	field, kind, size = protowire.ConsumeTag(head[size+length:])
	return size > 0 && field <= largestField && (kind == protowire.BytesType || kind == protowire.VarintType)
}
