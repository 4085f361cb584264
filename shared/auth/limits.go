package auth

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/ref"
)

// Limits are the models that an API key is limited to: those that it was made for, and all whose names match a pattern. Empty limits allow no model.
type Limits struct {
	Models   []BoundModel
	Patterns []ref.Pattern
}

// BoundModel is a model that a key was made for. Another model that has its name later is not meant.
type BoundModel struct {
	ID   uuid.UUID
	Name ref.Name
}

// Sees reports whether the principal may know of a model at all: it is of its tenant, and not outside its key's limits.
func (p Principal) Sees(m ref.Model, id uuid.UUID) bool {
	return m.Tenant == p.TenantName && (p.Limits == nil || p.Limits.allow(func(b BoundModel) bool { return b.ID == id && id != uuid.Nil }, m))
}

// MaySee is Sees for one who does not know the model's id: where it is false, Sees is false for each model that has the name.
func (p Principal) MaySee(m ref.Model) bool {
	return m.Tenant == p.TenantName && (p.Limits == nil || p.Limits.allow(func(b BoundModel) bool { return b.Name == m.Name }, m))
}

func (l *Limits) allow(is func(BoundModel) bool, m ref.Model) bool {
	return slices.ContainsFunc(l.Models, is) || slices.ContainsFunc(l.Patterns, func(p ref.Pattern) bool { return p.Matches(m) })
}

// Terms returns the limits as the database's function maas_sees reads them, which is Sees in SQL: nil for none, "id:<id>" for a model, and patterns as LIKE
// has them.
func (p Principal) Terms() []string {
	if p.Limits == nil {
		return nil
	}
	terms := make([]string, 0, len(p.Limits.Models)+len(p.Limits.Patterns))
	for _, bound := range p.Limits.Models {
		terms = append(terms, "id:"+bound.ID.String())
	}
	for _, pattern := range p.Limits.Patterns {
		if pattern.Tenant == p.TenantName {
			terms = append(terms, strings.ReplaceAll(pattern.Name, "*", "%"))
		}
	}
	return terms
}
