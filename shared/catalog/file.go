package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// NamedFile names a file of a version.
type NamedFile struct {
	Model ref.Model
	Ref   ref.Selector
	Path  ref.Path
}

// ParseFile reads a file's name out of the parts of a path: "acme/fraud", "1.4.0", "weights/model.onnx".
func ParseFile(model, selector, file string) (named NamedFile, err error) {
	if named.Model, err = ref.ParseModel(model); err != nil {
		return named, err
	}
	if named.Ref, err = ref.ParseSelector(selector); err != nil {
		return named, err
	}
	named.Path, err = ref.ParsePath(file)
	return named, err
}

// StoredFile is a file and where its bytes lie.
type StoredFile struct {
	File

	Key         objects.Key
	Version     string       // "acme/fraud@1.4.0"
	Deprecation *Deprecation // of its version
}

// ETag is the tag of the file's bytes, which never change: their digest.
func (f *StoredFile) ETag() string { return f.SHA256.String() }

// Content is what the store should have.
func (f *StoredFile) Content() objects.Content {
	return objects.Content{Key: f.Key, Path: f.Path, Size: f.Size, SHA256: f.SHA256}
}

// SetHeader describes the file's bytes.
func (f *StoredFile) SetHeader(h http.Header) {
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(string(f.Path))}))
	h.Set("Repr-Digest", "sha-256=:"+f.SHA256.Base64()+":") // RFC 9530, 3
}

// GetFile finds a file of a version. It fails with Gone if the version is retired.
func (c *Catalog) GetFile(ctx context.Context, who auth.Principal, in NamedFile) (found StoredFile, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := version(ctx, tx, who, NamedVersion{in.Model, in.Ref})
		if err != nil {
			return err
		}
		f, err := readFile(ctx, tx, v.ID, in.Path)
		if postgres.NotFound(err) {
			return fault.New(fault.NotFound, fmt.Sprintf("%s@%s has no file %s.", v.Model, v.Version, in.Path), fault.Field("path"))
		}
		found = StoredFile{f.File, objects.Key(f.Object), fmt.Sprintf("%s@%s", v.Model, v.Version), v.Deprecation}
		return err
	})
	return found, err
}

// versionDamaged is recorded once a day for as long as a version's damage is met with.
const (
	versionDamaged audit.Action = "version.damaged"
	damagedAgain                = 24 * time.Hour
)

// RecordDamage records that the store does not hold a version ("acme/fraud@1.4.0") as it was published, with the sentence that says so.
func RecordDamage(ctx context.Context, tx postgres.Tx, finder auth.Principal, version, why string) error {
	return audit.RecordOnce(ctx, tx, finder, versionDamaged, version, why, damagedAgain)
}

// RecordDamage records a damage that was found when a file was read, for the function that read it.
func (c *Catalog) RecordDamage(ctx context.Context, who auth.Principal, function string, f StoredFile, why string) error {
	return c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		return RecordDamage(ctx, tx, auth.System(function, who.Tenant, who.TenantName), f.Version, why)
	})
}

// Manifest tells what is in a version's files.
type Manifest struct {
	Model   ref.Model      `json:"model"`
	Version ref.Version    `json:"version"`
	Status  Status         `json:"status"`
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

// ETag is the manifest's entity tag.
func (m *Manifest) ETag() string { return etagOf(m) }

// GetManifest gives what is in a version's files. It fails with Gone if the version is retired.
func (c *Catalog) GetManifest(ctx context.Context, who auth.Principal, in NamedVersion) (m Manifest, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := version(ctx, tx, who, in)
		if err != nil {
			return err
		}
		files, err := describeFiles(ctx, tx, v.ID)
		if err != nil {
			return err
		}
		m = Manifest{v.Model, v.Version, v.Status, v.Digest, v.URI, v.Size, v.Inputs, v.Outputs, make([]ManifestFile, len(files))}
		for i, f := range files {
			m.Files[i] = ManifestFile{f.File, f.Inputs, f.Outputs, f.Details}
		}
		return nil
	})
	return m, err
}
