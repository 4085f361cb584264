package auth_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
)

func TestLimitsAreOfIDsAndPatterns(t *testing.T) {
	t.Parallel()
	old, recreated := uuid.New(), uuid.New()
	fraud, fraudEU, foreign := ref.Model{Tenant: "acme", Name: "fraud"}, ref.Model{Tenant: "acme", Name: "fraud-eu"}, ref.Model{Tenant: "rival", Name: "fraud"}
	bound := &auth.Limits{Models: []auth.BoundModel{{ID: old, Name: "fraud"}}}
	pattern := &auth.Limits{Patterns: []ref.Pattern{{Tenant: "acme", Name: "fraud-*"}}}
	for name, c := range map[string]struct {
		limits      *auth.Limits
		model       ref.Model
		id          uuid.UUID
		sees, maybe bool
	}{
		"no limits":                      {nil, fraud, recreated, true, true},
		"no limits, another tenant":      {nil, foreign, recreated, false, false},
		"the model":                      {bound, fraud, old, true, true},
		"another model of its name":      {bound, fraud, recreated, false, true},
		"no model":                       {bound, fraud, uuid.Nil, false, true},
		"another name":                   {bound, fraudEU, recreated, false, false},
		"another tenant's":               {bound, foreign, old, false, false},
		"a name that matches":            {pattern, fraudEU, recreated, true, true},
		"a name that does not match":     {pattern, fraud, old, false, false},
		"limits that allow none":         {&auth.Limits{}, fraud, old, false, false},
		"a key of an older release":      {&auth.Limits{Patterns: []ref.Pattern{ref.Exactly(fraud)}}, fraud, recreated, true, true},
		"bound to nothing, and no model": {&auth.Limits{Models: []auth.BoundModel{{Name: "fraud"}}}, fraud, uuid.Nil, false, true},
	} {
		who := auth.Principal{TenantName: "acme", Limits: c.limits}
		if who.Sees(c.model, c.id) != c.sees || who.MaySee(c.model) != c.maybe {
			t.Errorf("%s: sees %v, may see %v", name, who.Sees(c.model, c.id), who.MaySee(c.model))
		}
		if terms := who.Terms(); (terms == nil) != (c.limits == nil) {
			t.Errorf("%s: the database is given %v", name, terms)
		}
	}
}
