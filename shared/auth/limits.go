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

// Sees reports whether the principal may know that a model exists: it is of the principal's tenant, and its id or name is within the limits of the
// principal's key. The zero id is of no model that a key was made for.
func (p Principal) Sees(m ref.Model, id uuid.UUID) bool {
	return m.Tenant == p.TenantName && (p.Limits == nil || p.Limits.allow(func(b BoundModel) bool { return b.ID == id && id != uuid.Nil }, m))
}

// MaySee is Sees for a caller who does not know the model's id. If it is false, Sees is false for every model that has the name.
func (p Principal) MaySee(m ref.Model) bool {
	return m.Tenant == p.TenantName && (p.Limits == nil || p.Limits.allow(func(b BoundModel) bool { return b.Name == m.Name }, m))
}

// allow reports whether a model is within the limits: is reports true for one of their models, or a pattern matches the name m.
func (l *Limits) allow(is func(BoundModel) bool, m ref.Model) bool {
	return slices.ContainsFunc(l.Models, is) || slices.ContainsFunc(l.Patterns, func(p ref.Pattern) bool { return p.Matches(m) })
}

// Terms returns the principal's limits as the SQL function maas_sees takes them: "id:<id>" for a model, and a pattern in the form of LIKE. It
// returns nil for a principal without limits.
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
