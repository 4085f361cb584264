package invarianttest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

const maxManifest = 1 << 20

// published checks invariant 1: what is published is complete, up to the bytes in the store.
func (c *check) published() {
	c.Helper()
	c.none("1: a published version has files", `
		select v.id::text from versions v where v.status <> 'draft' and not exists (select from version_files f where f.version_id = v.id)`)
	c.none("1: a published version's files are verified", `
		select v.version || ' ' || f.path from versions v join version_files f on f.version_id = v.id
		where v.status <> 'draft' and not exists (
			select from uploads u where u.tenant_id = f.tenant_id and u.status = 'ready' and encode(u.digest, 'hex') = f.digest)`)
	rows, err := c.owner.Query(c.ctx, `select tenant_id, digest from versions where status <> 'draft'`)
	if err != nil {
		c.Fatal(err)
	}
	type frozen struct {
		Tenant uuid.UUID
		Digest string
	}
	versions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[frozen])
	if err != nil {
		c.Fatal(err)
	}
	for _, v := range versions {
		c.manifest(v.Tenant, v.Digest)
	}
}

// manifest checks that the tenant's manifest and all files in it are in the store, with the bytes of their digests.
func (c *check) manifest(tenant uuid.UUID, digest string) {
	c.Helper()
	var want ref.Digest
	if err := want.UnmarshalText([]byte(digest)); err != nil {
		c.Fatal(err)
	}
	text, err := c.store.Get(c.ctx, objects.ManifestKey(tenant, want), maxManifest)
	if err != nil {
		c.Errorf("1: manifest %s: %v", digest, err)
		return
	}
	manifest, err := objects.ParseManifest(tenant, text)
	if err != nil || ref.SumOf(text) != want {
		c.Errorf("1: manifest %s is %s: %v", digest, text, err)
		return
	}
	for _, file := range manifest {
		if got := c.digest(file.Object, file.Size); got != file.SHA256.String() {
			c.Errorf("1: %s of manifest %s is %s in the store, not %s", file.Path, digest, got, file.SHA256)
		}
	}
}

// digest returns the SHA-256 of an object's first size bytes, or the text of the error.
func (c *check) digest(key objects.Key, size int64) string {
	c.Helper()
	body, err := c.store.Range(c.ctx, key, 0, size)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = body.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return err.Error()
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// chunks checks invariant 3: the store holds each chunk that was answered with 200, because its row says that it is stored.
func (c *check) chunks() {
	c.Helper()
	rows, err := c.owner.Query(c.ctx, `
		select u.tenant_id, u.id, u.multipart, c.index + 1, c.size, c.etag
		from upload_chunks c join uploads u on u.id = c.upload where c.state = 'stored' and u.status = 'open'`)
	if err != nil {
		c.Fatal(err)
	}
	type chunk struct {
		Tenant, Upload uuid.UUID
		Multipart      string
		Number         int32
		Size           int64
		ETag           string
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[chunk])
	if err != nil {
		c.Fatal(err)
	}
	for _, s := range stored {
		parts, err := c.store.ListParts(c.ctx, objects.Multipart{Key: objects.UploadKey(s.Tenant, s.Upload), ID: s.Multipart})
		if err != nil {
			c.Errorf("3: parts of upload %s: %v", s.Upload, err)
			continue
		}
		if !holds(parts, s.Number, s.Size, s.ETag) {
			c.Errorf("3: chunk %d of upload %s was answered 200 and is not in the store", s.Number-1, s.Upload)
		}
	}
}

// holds reports whether the parts include one of the number, size and ETag.
func holds(parts []objects.Part, number int32, size int64, etag string) bool {
	for _, p := range parts {
		if p.Number == number && p.Size == size && p.ETag == etag {
			return true
		}
	}
	return false
}

// rows checks invariant 7, except for what takes a day: each row of an artifact has its object in the store.
func (c *check) rows() {
	c.Helper()
	rows, err := c.owner.Query(c.ctx, `select object_key, size, digest from artifacts`)
	if err != nil {
		c.Fatal(err)
	}
	type artifact struct {
		Key    string
		Size   int64
		Digest string
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[artifact])
	if err != nil {
		c.Fatal(err)
	}
	for _, a := range all {
		if got := c.digest(objects.Key(a.Key), a.Size); got != a.Digest {
			c.Errorf("7: artifact %s is at %s, which is %s", a.Digest, a.Key, got)
		}
	}
}
