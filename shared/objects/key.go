package objects

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Key is an object's name in the bucket. Every key begins with its tenant's prefix.
type Key string

// Prefix begins the prefixes of all tenants.
const Prefix = "t/"

// UploadKey returns the key of an upload's object, from its first part on and for good.
func UploadKey(tenant, upload uuid.UUID) Key { return Key(TenantPrefix(tenant) + upload.String()) }

// ManifestKey returns the key of the manifest with the digest.
func ManifestKey(tenant uuid.UUID, digest ref.Digest) Key {
	return Key(TenantPrefix(tenant) + "manifests/" + digest.String())
}

// TenantPrefix returns the prefix of all keys of a tenant: t/<tenant>/.
func TenantPrefix(tenant uuid.UUID) string { return Prefix + tenant.String() + "/" }

// URI names a version's manifest to a model server: maas://<bucket>/t/<tenant>/manifests/<digest>.
type URI struct {
	Bucket string
	Tenant uuid.UUID
	Digest ref.Digest
}

const scheme = "maas://"

// ParseURI parses a URI of the form maas://<bucket>/t/<tenant>/manifests/<digest>. It fails with Invalid for any other text.
func ParseURI(s string) (URI, error) {
	rest, named := strings.CutPrefix(s, scheme)
	parts := strings.Split(rest, "/")
	if !named || len(parts) != 5 || parts[0] == "" || parts[1] != "t" || parts[3] != "manifests" {
		return URI{}, badURI(s)
	}
	tenant, err := uuid.Parse(parts[2])
	if err != nil || tenant.String() != parts[2] {
		return URI{}, badURI(s)
	}
	digest, err := ref.ParseDigest(parts[4])
	if err != nil {
		return URI{}, badURI(s)
	}
	return URI{Bucket: parts[0], Tenant: tenant, Digest: digest}, nil
}

// String returns the form that ParseURI reads.
func (u URI) String() string {
	return scheme + u.Bucket + "/" + string(ManifestKey(u.Tenant, u.Digest))
}

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (u URI) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseURI does.
func (u *URI) UnmarshalText(text []byte) (err error) {
	*u, err = ParseURI(string(text))
	return err
}

// badURI returns the Invalid fault of a malformed URI.
func badURI(s string) error {
	const most = 200
	return fault.New(fault.Invalid,
		fmt.Sprintf("a model's address is maas://<bucket>/t/<tenant>/manifests/<sha256>; this is %q", s[:min(len(s), most)]),
		fault.Field("uri"))
}
