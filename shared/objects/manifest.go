package objects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// MaxManifest bounds an encoded manifest, in bytes: some 50,000 files.
const MaxManifest = 16 << 20

// Manifest is the list of a version's files. Its digest is the version's: it covers the content of every file.
type Manifest []ManifestFile

// ManifestFile is one file of a version and the object that has its bytes.
type ManifestFile struct {
	Path   ref.Path   `json:"path"`
	Size   int64      `json:"size"` // bytes
	SHA256 ref.Digest `json:"sha256"`
	Object Key        `json:"object"`
}

// NewManifest returns the tenant's manifest of the files, sorted by path. It fails with Unprocessable if there are no files, a path occurs twice,
// lies below another file or begins with .fetch-, a file has no size or digest, or an object is not the tenant's.
func NewManifest(tenant uuid.UUID, files []ManifestFile) (Manifest, error) {
	m := Manifest(slices.Clone(files))
	slices.SortFunc(m, func(a, b ManifestFile) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return m, m.check(tenant)
}

// ParseManifest parses what Encode returned for a manifest of the tenant. It fails with Unprocessable for more than MaxManifest bytes, a manifest
// that NewManifest would refuse, or any other encoding of one, since one list of files must have one digest.
func ParseManifest(tenant uuid.UUID, encoded []byte) (Manifest, error) {
	if len(encoded) > MaxManifest {
		return nil, badManifest(fmt.Sprintf("has more than %d bytes", MaxManifest))
	}
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		if path, bad := badPath(encoded); bad != nil {
			return nil, badManifest(fmt.Sprintf("names files by their paths; %q is none: %s", path, fault.From(bad).Message), fault.Cause(bad))
		}
		return nil, badManifest("is a list of {path, size, sha256, object} in JSON", fault.Cause(err))
	}
	if err := m.check(tenant); err != nil {
		return nil, err
	}
	if !bytes.Equal(m.Encode(), encoded) {
		return nil, badManifest("is written canonically: sorted by path, no spaces, path, size, sha256, object in this order")
	}
	return m, nil
}

// badPath returns the first path in an encoded manifest that is not valid, and why. It returns "" and nil if there is none.
func badPath(encoded []byte) (string, error) {
	var files []struct {
		Path string `json:"path"`
	}
	_ = json.Unmarshal(encoded, &files) // what is no list of objects has no paths
	for _, file := range files {
		if _, err := ref.ParsePath(file.Path); err != nil {
			return file.Path, err
		}
	}
	return "", nil
}

// Encode returns the manifest's only valid encoding: JSON without spaces, files sorted by path, fields in the order of ManifestFile. Except for the
// order of the fields this is RFC 8785's form.
func (m Manifest) Encode() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		panic(err) // strings, an integer and a digest can always be encoded
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Digest returns the SHA-256 of the encoded manifest, which names it.
func (m Manifest) Digest() ref.Digest { return ref.SumOf(m.Encode()) }

// Size returns the sum of the files' sizes, in bytes.
func (m Manifest) Size() int64 {
	var sum int64
	for _, file := range m {
		sum += file.Size
	}
	return sum
}

// check fails with Unprocessable unless the manifest has at least one file, its paths are unique and sorted, no file lies below another, and every
// object is the tenant's.
func (m Manifest) check(tenant uuid.UUID) error {
	if len(m) == 0 {
		return badManifest("lists one file or more")
	}
	seen := map[string]bool{}
	for i, file := range m {
		if err := file.check(tenant); err != nil {
			return err
		}
		if i > 0 && m[i-1].Path >= file.Path {
			return badManifest(fmt.Sprintf("lists each path once, sorted; %q follows %q", file.Path, m[i-1].Path))
		}
		seen[string(file.Path)] = true
	}
	for _, file := range m {
		for at, r := range file.Path {
			if r == '/' && seen[string(file.Path[:at])] {
				return badManifest(fmt.Sprintf("has no file below another; %q is below %q", file.Path, file.Path[:at]))
			}
		}
	}
	return nil
}

// check fails with Unprocessable if the file has no path, size or digest, its path begins with .fetch-, or its object is not the tenant's.
func (f ManifestFile) check(tenant uuid.UUID) error {
	switch prefix := TenantPrefix(tenant); {
	case strings.HasPrefix(string(f.Path), temporary):
		return badManifest(fmt.Sprintf("has no file that begins with %s; %q does", temporary, f.Path))
	case f.Path == "", f.Size < 1, f.SHA256.IsZero():
		return badManifest(fmt.Sprintf("gives each file a path, a size and a digest; %q lacks one", f.Path))
	case !strings.HasPrefix(string(f.Object), prefix) || len(f.Object) == len(prefix):
		return badManifest(fmt.Sprintf("names objects of its own tenant; that of %q is not", f.Path))
	}
	return nil
}

// badManifest returns an Unprocessable fault; rule continues the phrase "a manifest".
func badManifest(rule string, options ...fault.Option) error {
	return fault.New(fault.Unprocessable, "a manifest "+rule, append(options, fault.Field("manifest"))...)
}
