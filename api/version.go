package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// VersionStatus is where a version stands in its life: draft → published → deprecated → retired.
type VersionStatus string

// The statuses.
const (
	VersionDraft      VersionStatus = "draft"      // files may be attached
	VersionPublished  VersionStatus = "published"  // frozen, and served
	VersionDeprecated VersionStatus = "deprecated" // served, with a warning
	VersionRetired    VersionStatus = "retired"    // gone
)

// VersionStatuses lists the statuses in the order of a version's life.
func VersionStatuses() []VersionStatus {
	return []VersionStatus{VersionDraft, VersionPublished, VersionDeprecated, VersionRetired}
}

// versionSteps has the statuses that may follow each. A trigger of the database has them too.
var versionSteps = map[VersionStatus][]VersionStatus{
	VersionDraft:      {VersionPublished},
	VersionPublished:  {VersionDeprecated},
	VersionDeprecated: {VersionRetired},
}

// CanBecome reports whether next may follow s.
func (s VersionStatus) CanBecome(next VersionStatus) bool {
	return slices.Contains(versionSteps[s], next)
}

// Serves reports whether versions of the status answer calls.
func (s VersionStatus) Serves() bool { return s == VersionPublished || s == VersionDeprecated }

// UnmarshalText reads a status. It fails with Invalid unless the text is draft, published, deprecated or retired.
func (s *VersionStatus) UnmarshalText(text []byte) error {
	switch *s = VersionStatus(text); *s {
	case VersionDraft, VersionPublished, VersionDeprecated, VersionRetired:
		return nil
	default:
		return fault.InvalidField("status", "must be draft, published, deprecated or retired")
	}
}

// Version is a version of a model: a list of files, frozen once it is published.
type Version struct {
	ID            ID            `json:"id"`
	Model         ref.Model     `json:"model"`
	Version       ref.Version   `json:"version"`
	Status        VersionStatus `json:"status"`
	Changelog     Changelog     `json:"changelog"`
	Metadata      Metadata      `json:"metadata"`
	Digest        ref.Digest    `json:"digest"` // of the manifest; "" while draft
	Size          int64         `json:"size"`   // bytes of all files
	Files         []File        `json:"files"`
	URI           string        `json:"uri"` // of the manifest, for model servers; "" while draft
	Inputs        []Tensor      `json:"inputs"`
	Outputs       []Tensor      `json:"outputs"`
	Kind          string        `json:"kind"` // what its files make together, such as onnx, gguf or huggingface; "" while draft
	Runtime       string        `json:"runtime"`
	Resources     Resources     `json:"resources"`
	MinReplicas   int           `json:"min_replicas"`
	MaxReplicas   int           `json:"max_replicas"`
	Deterministic bool          `json:"deterministic"` // its results may be cached
	IsLatest      bool          `json:"is_latest"`
	Aliases       []ref.Alias   `json:"aliases"` // that send traffic to it, derived ones included
	Deployment    Deployment    `json:"deployment"`
	Lineage       Lineage       `json:"lineage"`
	Deprecation   *Deprecation  `json:"deprecation,omitempty"`
	CreatedBy     string        `json:"created_by"`
	CreatedAt     time.Time     `json:"created_at"`
	PublishedAt   *time.Time    `json:"published_at"`
}

// MaxFiles bounds the files of a version, whose list every answer about it has.
const MaxFiles = 1_000

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

// Deprecation says why a version should not be used any more, and from when on it may be retired.
type Deprecation struct {
	Reason Reason    `json:"reason"`
	Since  time.Time `json:"since"`
	Sunset time.Time `json:"sunset"`
}

// ETag returns the version's entity tag, without quotes.
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

// UpdateVersionRequest has the fields of a draft to change. Those that are nil stay.
type UpdateVersionRequest struct {
	Model       ref.Model           `path:"t/m"`
	Version     ref.Version         `path:"v"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Changelog   *Changelog          `json:"changelog"`
	Metadata    *Metadata           `json:"metadata"`
}

// DeprecateRequest says why a version should not be used any more, and from when on it may be retired.
type DeprecateRequest struct {
	Model       ref.Model           `path:"t/m"`
	Version     ref.Version         `path:"v"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Reason      Reason              `json:"reason"`
	Sunset      time.Time           `json:"sunset"` // sweep retires it then, unless an alias still leads to it
}

// RetireRequest says why a version is taken away.
type RetireRequest struct {
	Model       ref.Model           `path:"t/m"`
	Version     ref.Version         `path:"v"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Reason      Reason              `json:"reason,omitempty"`
}

// VersionRequest names the version that a reference leads to.
type VersionRequest struct {
	Model ref.Model    `path:"t/m"`
	Ref   ref.Selector `path:"ref"`
}

// ListVersionsRequest asks for a page of a model's versions.
type ListVersionsRequest struct {
	page.Request
	Model  ref.Model     `path:"t/m"`
	Status VersionStatus `query:"status"`
}
