package catalog

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Status is where a version stands in its life: draft → published → deprecated → retired.
type Status string

// The statuses.
const (
	StatusDraft      Status = "draft"      // files may be attached
	StatusPublished  Status = "published"  // frozen, and served
	StatusDeprecated Status = "deprecated" // served, with a warning
	StatusRetired    Status = "retired"    // gone
)

// UnmarshalText reads a status.
func (s *Status) UnmarshalText(text []byte) error {
	switch *s = Status(text); *s {
	case StatusDraft, StatusPublished, StatusDeprecated, StatusRetired:
		return nil
	default:
		return invalid("status", "must be draft, published, deprecated or retired")
	}
}

// Version is a version of a model: a list of files, frozen once it is published.
type Version struct {
	ID            uuid.UUID    `json:"id"`
	Model         ref.Model    `json:"model"`
	Version       ref.Version  `json:"version"`
	Status        Status       `json:"status"`
	Changelog     Changelog    `json:"changelog"`
	Metadata      Metadata     `json:"metadata"`
	Digest        ref.Digest   `json:"digest"` // of the manifest; "" while draft
	Size          int64        `json:"size"`   // bytes of all files
	Files         []File       `json:"files"`
	URI           string       `json:"uri"` // of the manifest, for model servers; "" while draft
	Inputs        []Tensor     `json:"inputs"`
	Outputs       []Tensor     `json:"outputs"`
	Runtime       string       `json:"runtime"`
	Resources     Resources    `json:"resources"`
	MinReplicas   int          `json:"min_replicas"`
	MaxReplicas   int          `json:"max_replicas"`
	Deterministic bool         `json:"deterministic"` // its results may be cached
	IsLatest      bool         `json:"is_latest"`
	Aliases       []ref.Alias  `json:"aliases"` // that send traffic to it, derived ones included
	Deployment    Deployment   `json:"deployment"`
	Lineage       Lineage      `json:"lineage"`
	Deprecation   *Deprecation `json:"deprecation,omitempty"`
	CreatedBy     string       `json:"created_by"`
	CreatedAt     time.Time    `json:"created_at"`
	PublishedAt   *time.Time   `json:"published_at"`
}

// File is one file of a version.
type File struct {
	Path   ref.Path   `json:"path"`
	Size   int64      `json:"size"` // bytes
	SHA256 ref.Digest `json:"sha256"`
	MD5    string     `json:"md5,omitempty"` // hexadecimal, where it was given
	Format string     `json:"format"`
}

// Tensor is an input or an output, or a weight.
type Tensor struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"` // as the Open Inference Protocol names it: FP32
	Shape    []int64 `json:"shape"`    // -1 where a dimension is free
}

// Deployment is the state of a version's model server.
type Deployment struct {
	Status   string           `json:"status"`            // none, pending, starting, ready, idle, failed or removed
	Reason   string           `json:"reason,omitempty"`  // why the last start failed, or what it waits for
	Failure  string           `json:"failure,omitempty"` // passing: it is tried again by itself (status starting); lasting: it is not (status failed)
	Attempts int              `json:"attempts"`          // starts that failed since it last answered or was asked for
	RetryAt  *time.Time       `json:"retry_at,omitempty"`
	Phases   DeploymentPhases `json:"phases"`
}

// DeploymentPhases tells how long the parts of the last start took, in milliseconds.
type DeploymentPhases struct {
	Schedule int64 `json:"schedule_ms"`
	Fetch    int64 `json:"fetch_ms"`
	Load     int64 `json:"load_ms"`
}

// Deprecation says why a version should not be used any more, and from when on it may be retired.
type Deprecation struct {
	Reason Reason    `json:"reason"`
	Since  time.Time `json:"since"`
	Sunset time.Time `json:"sunset"`
}

// ETag is the version's entity tag.
func (v *Version) ETag() string { return etagOf(v) }

// SetHeader warns of a deprecated version.
func (v *Version) SetHeader(h http.Header) { v.Deprecation.SetHeader(h) }

// SetHeader sets Deprecation (RFC 9745, 2) and Sunset (RFC 8594, 3); of none it sets nothing.
func (d *Deprecation) SetHeader(h http.Header) {
	if d == nil {
		return
	}
	h.Set("Deprecation", "@"+strconv.FormatInt(d.Since.Unix(), 10))
	h.Set("Sunset", d.Sunset.UTC().Format(http.TimeFormat))
}

// NamedVersion names what a reference points at.
type NamedVersion struct {
	Model ref.Model    `path:"t/m"`
	Ref   ref.Selector `path:"ref"`
}

// GetVersion gives the version that a reference points at; of an alias with several shares of traffic, the greatest. It fails with Gone if it is retired.
func (c *Catalog) GetVersion(ctx context.Context, who auth.Principal, in NamedVersion) (v Version, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err = version(ctx, tx, who, in)
		return err
	})
	return v, err
}

// version reads the version that a reference points at; it fails with Gone if it is retired.
func version(ctx context.Context, tx postgres.Tx, who auth.Principal, in NamedVersion) (Version, error) {
	v, err := standing(ctx, tx, who, in)
	if err == nil && v.Status == StatusRetired {
		return Version{}, retired(v.Model, v.Version)
	}
	return v, err
}

// standing reads the version that a reference points at, whatever its status.
func standing(ctx context.Context, tx postgres.Tx, who auth.Principal, in NamedVersion) (Version, error) {
	id, err := find(ctx, tx, who, in.Model)
	if err != nil {
		return Version{}, err
	}
	traffic, err := lead(ctx, tx, id, in)
	if err != nil {
		return Version{}, err
	}
	return readVersion(ctx, tx, who, id, in.Model, greatest(traffic))
}

// ListVersions asks for a page of a model's versions.
type ListVersions struct {
	page.Request
	Model  ref.Model `path:"t/m"`
	Status Status    `query:"status"`
}

// ListVersions gives a model's versions, the highest first.
func (c *Catalog) ListVersions(ctx context.Context, who auth.Principal, in ListVersions) (found page.Page[Version], err error) {
	after := ref.Version{}
	if in.After != "" {
		if after, err = ref.ParseVersion(in.After); err != nil {
			return found, badCursor()
		}
	}
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		versions, err := listVersions(ctx, tx, who, id, in, after)
		found = page.Of(in.Request, versions, func(v Version) string { return v.Version.String() })
		return err
	})
	return found, err
}

func noVersion(m ref.Model, selector string) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no version %s@%s.", m, selector), fault.Field("version"))
}

func retired(m ref.Model, v ref.Version) error {
	return fault.New(fault.Gone, fmt.Sprintf("%s@%s is retired.", m, v))
}
