package catalog

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// StoredFile is a file and where its bytes lie.
type StoredFile struct {
	api.File

	Key         objects.Key
	Version     string           // "acme/fraud@1.4.0"
	Deprecation *api.Deprecation // of its version
}

// ETag returns the tag of the file's bytes, which never change: their digest.
func (f *StoredFile) ETag() string { return f.SHA256.String() }

// Content describes the object that the store should hold for the file.
func (f *StoredFile) Content() objects.Content {
	return objects.Content{Key: f.Key, Path: f.Path, Size: f.Size, SHA256: f.SHA256}
}

// SetHeader sets Content-Disposition to an attachment with the file's last path element as its name, and Repr-Digest to the SHA-256.
func (f *StoredFile) SetHeader(h http.Header) {
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(string(f.Path))}))
	h.Set("Repr-Digest", "sha-256=:"+f.SHA256.Base64()+":") // RFC 9530, 3
}

// GetFile returns a file of a version, and where its bytes are stored. It fails with NotFound if the model, the version or the file does not exist, and
// with Gone if the version is retired.
func (c *Catalog) GetFile(ctx context.Context, who auth.Principal, in api.FileRequest) (found StoredFile, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := version(ctx, tx, who, api.VersionRequest{Model: in.Model, Ref: in.Ref})
		if err != nil {
			return err
		}
		f, err := readFile(ctx, tx, uuid.UUID(v.ID), in.Path)
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

// RecordDamage records in the audit log that the store does not hold a version ("acme/fraud@1.4.0") as it was published. why says what is wrong. The same
// damage is recorded once in 24 hours.
func RecordDamage(ctx context.Context, tx postgres.Tx, finder auth.Principal, version, why string) error {
	return audit.RecordOnce(ctx, tx, finder, versionDamaged, version, why, damagedAgain)
}

// RecordDamage records the damage of a file's version, in a transaction of its own and in the name of the function that read the file. why says what is
// wrong.
func (c *Catalog) RecordDamage(ctx context.Context, who auth.Principal, function string, f StoredFile, why string) error {
	return c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		return RecordDamage(ctx, tx, auth.System(function, who.Tenant, who.TenantName), f.Version, why)
	})
}

// GetManifest returns what is in a version's files. It fails with Gone if the version is retired.
func (c *Catalog) GetManifest(ctx context.Context, who auth.Principal, in api.VersionRequest) (m api.Manifest, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := version(ctx, tx, who, in)
		if err != nil {
			return err
		}
		files, err := describeFiles(ctx, tx, uuid.UUID(v.ID))
		if err != nil {
			return err
		}
		m = api.Manifest{
			Model: v.Model, Version: v.Version, Status: v.Status, Digest: v.Digest, URI: v.URI, Size: v.Size, Inputs: v.Inputs, Outputs: v.Outputs,
			Files: make([]api.ManifestFile, len(files)),
		}
		for i, f := range files {
			m.Files[i] = api.ManifestFile{File: f.File, Inputs: f.Inputs, Outputs: f.Outputs, Details: f.Details}
		}
		return nil
	})
	return m, err
}
