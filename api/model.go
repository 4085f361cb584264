package api

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// VisibilityTenant is the visibility of every model: nobody outside of its tenant sees it.
const VisibilityTenant = "tenant"

// Model is a named line of versions.
type Model struct {
	Model       ref.Model    `json:"model"`
	Description Description  `json:"description"`
	Framework   Label        `json:"framework"`
	Tags        Tags         `json:"tags"`
	Metadata    Metadata     `json:"metadata"`
	License     Label        `json:"license"`
	Visibility  string       `json:"visibility"` // "tenant": nobody else sees it
	Latest      *ref.Version `json:"latest"`     // nil until a release is ready
	CreatedBy   string       `json:"created_by"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// ETag returns the model's entity tag, without quotes.
func (m *Model) ETag() string { return etagOf(m) }

// ModelOrder is how a list of models is sorted.
type ModelOrder string

// The orders. What is created or updated last comes first.
const (
	ByName      ModelOrder = "name"
	ByCreated   ModelOrder = "created"
	ByUpdated   ModelOrder = "updated"
	ByRelevance ModelOrder = "relevance" // only with a query, and then the default
)

// UnmarshalText reads an order. It fails with Invalid unless the text is name, created, updated or relevance.
func (o *ModelOrder) UnmarshalText(text []byte) error {
	switch *o = ModelOrder(text); *o {
	case ByName, ByCreated, ByUpdated, ByRelevance:
		return nil
	default:
		return fault.InvalidField("order", "must be name, created, updated or relevance")
	}
}

// ModelQuery is a text that models are searched for: 1 to 200 characters. Typing errors are forgiven.
type ModelQuery string

const maxQuery = 200

// UnmarshalText reads a query, without white space around it. It fails with Invalid unless that has 1 to 200 characters, none a control character other
// than tabs and line ends.
func (q *ModelQuery) UnmarshalText(text []byte) error {
	*q = ModelQuery(strings.TrimSpace(string(text)))
	if *q == "" || utf8.RuneCountInString(string(*q)) > maxQuery {
		return fault.InvalidField("q", "must have 1 to %d characters", maxQuery)
	}
	return checkProse("q", text, maxQuery)
}

// Models is a page of models. Facets counts all that match, on the first page alone.
type Models struct {
	page.Page[Model]
	Facets *Facets `json:"facets,omitempty"`
}

// Facets counts models by their values, the 20 most frequent of each; 10,000 models at most are looked at.
type Facets struct {
	Frameworks map[string]int `json:"frameworks"`
	Tags       map[string]int `json:"tags"`
	Licenses   map[string]int `json:"licenses"`
}

// CreateModelRequest describes a new model of the caller's tenant.
type CreateModelRequest struct {
	Name        ref.Name    `json:"name"` // the part after the slash
	Description Description `json:"description,omitempty"`
	Framework   Label       `json:"framework,omitempty"`
	Tags        Tags        `json:"tags,omitempty"`
	Metadata    Metadata    `json:"metadata,omitempty"`
	License     Label       `json:"license,omitempty"`
}

// ModelRequest names a model.
type ModelRequest struct {
	Model ref.Model `path:"t/m"`
}

// UpdateModelRequest has the fields to change. Those that are nil stay.
type UpdateModelRequest struct {
	Model       ref.Model           `path:"t/m"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Description *Description        `json:"description"`
	Framework   *Label              `json:"framework"`
	Tags        *Tags               `json:"tags"`
	Metadata    *Metadata           `json:"metadata"`
	License     *Label              `json:"license"`
}

// DeleteModelRequest names a model to delete.
type DeleteModelRequest struct {
	Model       ref.Model           `path:"t/m"`
	Force       bool                `query:"force"` // also while a version is published
	Empty       bool                `query:"empty"` // only while it has no version, drafts included
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
}

// ListModelsRequest asks for a page of models.
type ListModelsRequest struct {
	page.Request
	Query     ModelQuery `query:"q"`
	Framework Label      `query:"framework"`
	Tag       Tag        `query:"tag"`
	License   Label      `query:"license"`
	Order     ModelOrder `query:"order"` // by name, or by relevance where there is a query
}
