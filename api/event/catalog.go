package event

import (
	"encoding/json"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

// VersionPublished says that a version's files are frozen and that it should run.
type VersionPublished struct {
	Version   string          `json:"version"` // "acme/fraud@1.4.0"
	VersionID api.ID          `json:"version_id"`
	Digest    ref.Digest      `json:"digest"`
	Runtime   string          `json:"runtime"`
	Resources json.RawMessage `json:"resources,omitempty"`
	Scale     api.Scale       `json:"scale"`
	Aliases   []ref.Alias     `json:"aliases,omitempty"` // to move when it is ready
}

// EventType is maas.version.published.v1.
func (VersionPublished) EventType() Type { return "maas.version.published.v1" }

// EventSubject returns the version.
func (p VersionPublished) EventSubject() string { return p.Version }

// VersionDeprecated says that a version should not be used any more.
type VersionDeprecated struct {
	Version string    `json:"version"`
	Reason  string    `json:"reason"`
	Sunset  time.Time `json:"sunset"`
}

// EventType is maas.version.deprecated.v1.
func (VersionDeprecated) EventType() Type { return "maas.version.deprecated.v1" }

// EventSubject returns the version.
func (p VersionDeprecated) EventSubject() string { return p.Version }

// VersionRetired says that a version runs no more.
type VersionRetired struct {
	Version   string `json:"version"`
	VersionID api.ID `json:"version_id"`
	Reason    string `json:"reason,omitempty"`
}

// EventType is maas.version.retired.v1.
func (VersionRetired) EventType() Type { return "maas.version.retired.v1" }

// EventSubject returns the version.
func (p VersionRetired) EventSubject() string { return p.Version }

// ModelDeleted says that a model and all its versions are gone.
type ModelDeleted struct {
	Model ref.Model `json:"model"`
}

// EventType is maas.model.deleted.v1.
func (ModelDeleted) EventType() Type { return "maas.model.deleted.v1" }

// EventSubject returns the model.
func (p ModelDeleted) EventSubject() string { return p.Model.String() }

// AliasMoved says that an alias points elsewhere.
type AliasMoved struct {
	Model ref.Model    `json:"model"`
	Alias ref.Alias    `json:"alias"`
	From  []api.Target `json:"from"`
	To    []api.Target `json:"to"`
	By    string       `json:"by"`
	Why   string       `json:"why"`
}

// EventType is maas.alias.moved.v1.
func (AliasMoved) EventType() Type { return "maas.alias.moved.v1" }

// EventSubject returns the model and the alias.
func (p AliasMoved) EventSubject() string { return p.Model.String() + "@" + string(p.Alias) }
