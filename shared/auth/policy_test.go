package auth_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
)

func TestRolesMayWhatTheDesignSays(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	all := auth.Roles()
	cases := map[auth.Permission][]auth.Role{
		"tenant:delete":     {auth.Owner},
		"quota:write":       {auth.Owner},
		"user:write":        {auth.Owner, auth.Admin},
		"key:write":         {auth.Owner, auth.Admin},
		"model:write":       {auth.Owner, auth.Admin, auth.Developer},
		"upload:write":      {auth.Owner, auth.Admin, auth.Developer},
		"version:publish":   {auth.Owner, auth.Admin, auth.Developer},
		"model:read":        {auth.Owner, auth.Admin, auth.Developer, auth.Viewer},
		"usage:read":        {auth.Owner, auth.Admin, auth.Developer, auth.Viewer},
		"audit:read":        {auth.Owner, auth.Admin, auth.Viewer},
		"inference:execute": {auth.Owner, auth.Admin, auth.Developer, auth.Caller},
		auth.Self:           all,
		auth.Public:         all,
	}
	for permission, allowed := range cases {
		for _, role := range all {
			want := false
			for _, a := range allowed {
				want = want || a == role
			}
			who := auth.Principal{Tenant: uuid.New(), TenantName: "acme", Roles: []auth.Role{role}}
			if got := policy.Authorize(who, permission) == nil; got != want {
				t.Errorf("%s %s: allowed is %v, want %v", role, permission, got, want)
			}
		}
	}
}

func TestScopesLimitAKeyAndNeverWidenIt(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		role       auth.Role
		scope      auth.Permission
		permission auth.Permission
		want       bool
	}{
		{auth.Owner, "inference:execute", "inference:execute", true},
		{auth.Owner, "inference:execute", "model:read", false},
		{auth.Owner, "*:read", "model:read", true},
		{auth.Owner, "*:read", "model:write", false},
		{auth.Owner, "model:*", "model:write", true},
		{auth.Viewer, "model:*", "model:write", false},
		{auth.Owner, "*:*", "tenant:delete", true},
		{auth.Owner, "inference:execute", auth.Self, true},
	}
	for _, c := range cases {
		who := auth.Principal{Roles: []auth.Role{c.role}, Scopes: []auth.Permission{c.scope}}
		if got := policy.Authorize(who, c.permission) == nil; got != c.want {
			t.Errorf("%s with scope %s, %s: allowed is %v, want %v", c.role, c.scope, c.permission, got, c.want)
		}
	}
}

func TestAKeyWithoutScopesMayNothing(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	who := auth.Principal{Roles: []auth.Role{auth.Owner}, Scopes: []auth.Permission{}}
	if policy.Authorize(who, "model:read") == nil {
		t.Error("an empty list of scopes allows reading")
	}
}
