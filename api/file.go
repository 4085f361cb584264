package api

import (
	"encoding/json"

	"github.com/17882237881/MaaS/api/ref"
)

// Manifest tells what is in a version's files.
type Manifest struct {
	Model   ref.Model      `json:"model"`
	Version ref.Version    `json:"version"`
	Status  VersionStatus  `json:"status"`
	Digest  ref.Digest     `json:"digest"` // of the stored manifest; "" while draft
	URI     string         `json:"uri"`
	Size    int64          `json:"size"` // bytes of all files
	Inputs  []Tensor       `json:"inputs"`
	Outputs []Tensor       `json:"outputs"`
	Files   []ManifestFile `json:"files"` // by path
}

// ManifestFile is a file with what its format's reader and the scan found; beyond 32 MiB for a version, details is {"omitted": true}.
type ManifestFile struct {
	File

	Inputs  json.RawMessage `json:"inputs"`
	Outputs json.RawMessage `json:"outputs"`
	Details json.RawMessage `json:"details"`
}

// ETag returns the manifest's entity tag, without quotes.
func (m *Manifest) ETag() string { return etagOf(m) }

// FileRequest names a file of a version.
type FileRequest struct {
	Model ref.Model    `path:"t/m"`
	Ref   ref.Selector `path:"ref"`
	Path  ref.Path     `path:"path"`
}

// ParseFile returns the file that the parts of a path name: "acme/fraud", "1.4.0", "weights/model.onnx". It fails with Invalid if one of them is malformed.
func ParseFile(model, selector, file string) (named FileRequest, err error) {
	if named.Model, err = ref.ParseModel(model); err != nil {
		return named, err
	}
	if named.Ref, err = ref.ParseSelector(selector); err != nil {
		return named, err
	}
	named.Path, err = ref.ParsePath(file)
	return named, err
}
