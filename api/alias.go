package api

import (
	"time"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// AliasKind says what moves an alias.
type AliasKind string

// The kinds.
const (
	AliasDerived AliasKind = "derived" // latest, vN or vN.M: it follows the published and ready versions by itself
	AliasSet     AliasKind = "set"     // someone set it; one that follows by itself is set while it is rolled back
)

// Alias is a name that moves from version to version.
type Alias struct {
	Alias    ref.Alias `json:"alias"`
	Kind     AliasKind `json:"kind"`
	Traffic  Traffic   `json:"traffic"`
	Previous Traffic   `json:"previous"` // before it moved last
	MovedBy  string    `json:"moved_by"`
	MovedAt  time.Time `json:"moved_at"`
	Why      string    `json:"why"`
}

// ETag returns the alias's entity tag, without quotes, "" for an alias without traffic: it does not exist.
func (a *Alias) ETag() string {
	if len(a.Traffic) == 0 {
		return ""
	}
	return etagOf(a)
}

// AliasMove is one move of an alias, as its history has it.
type AliasMove struct {
	Seq     int64     `json:"seq"` // grows with each move of any alias
	Alias   ref.Alias `json:"alias"`
	From    Traffic   `json:"from"` // [] where there was none
	To      Traffic   `json:"to"`   // [] where the alias went
	MovedBy string    `json:"moved_by"`
	MovedAt time.Time `json:"moved_at"`
	Why     string    `json:"why"`
}

// ListAliasesRequest asks for a page of a model's aliases.
type ListAliasesRequest struct {
	page.Request
	Model ref.Model `path:"t/m"`
}

// AliasHistoryRequest asks for a page of an alias's moves.
type AliasHistoryRequest struct {
	page.Request
	Model ref.Model `path:"t/m"`
	Alias ref.Alias `path:"alias"`
}

// SetAliasRequest says where an alias is to lead: to one version, or to several by weight. Exactly one of Version and Traffic is given.
type SetAliasRequest struct {
	Model       ref.Model           `path:"t/m"`
	Alias       ref.Alias           `path:"alias"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Version     *ref.Version        `json:"version"`
	Traffic     Traffic             `json:"traffic,omitempty"`
	Why         Reason              `json:"why,omitempty"`
}

// RollbackRequest says where an alias is to go back to.
type RollbackRequest struct {
	Model       ref.Model           `path:"t/m"`
	Alias       ref.Alias           `path:"alias"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	To          *ref.Version        `json:"to"`              // a version that it led to before; nil is where it led before its last move
	Force       bool                `json:"force,omitempty"` // at once, also while the target does not run
	Why         Reason              `json:"why,omitempty"`
}
