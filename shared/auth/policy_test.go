package auth_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
)

func TestRolesMayWhatTheDesignSays(t *testing.T) {
	t.Parallel()
	all := api.Roles()
	cases := map[api.Permission][]api.Role{
		"tenant:delete":     {api.Owner},
		"quota:write":       {api.Owner},
		"policy:write":      {api.Owner},
		"user:write":        {api.Owner, api.Admin},
		"audit:read":        {api.Owner, api.Admin, api.Viewer},
		"key:write":         {api.Owner, api.Admin},
		"model:write":       {api.Owner, api.Admin, api.Developer},
		"upload:write":      {api.Owner, api.Admin, api.Developer},
		"version:publish":   {api.Owner, api.Admin, api.Developer},
		"model:read":        {api.Owner, api.Admin, api.Developer, api.Viewer},
		"usage:read":        {api.Owner, api.Admin, api.Developer, api.Viewer},
		"inference:execute": {api.Owner, api.Admin, api.Developer, api.Caller},
		api.Self:            all,
		api.Public:          all,
	}
	policy, err := auth.Compile(slices.Collect(maps.Keys(cases))) // some are of no route yet
	if err != nil {
		t.Fatal(err)
	}
	for permission, allowed := range cases {
		for _, role := range all {
			want := false
			for _, a := range allowed {
				want = want || a == role
			}
			who := auth.Principal{Tenant: uuid.New(), TenantName: "acme", Roles: []api.Role{role}}
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
		role       api.Role
		scope      api.Permission
		permission api.Permission
		want       bool
	}{
		{api.Owner, "inference:execute", "inference:execute", true},
		{api.Owner, "inference:execute", "model:read", false},
		{api.Owner, "*:read", "model:read", true},
		{api.Owner, "*:read", "model:write", false},
		{api.Owner, "model:*", "model:write", true},
		{api.Viewer, "model:*", "model:write", false},
		{api.Owner, "*:*", "model:delete", true},
		{api.Owner, "inference:execute", api.Self, true},
	}
	for _, c := range cases {
		who := auth.Principal{Roles: []api.Role{c.role}, Scopes: []api.Permission{c.scope}}
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
	who := auth.Principal{Roles: []api.Role{api.Owner}, Scopes: []api.Permission{}}
	if policy.Authorize(who, "model:read") == nil {
		t.Error("an empty list of scopes allows reading")
	}
}

func TestAScopeCoversAPermission(t *testing.T) {
	t.Parallel()
	for text, covered := range map[string]int{
		"model:read": 1, "model:*": 3, "*:read": 6, "*:*": len(api.Permissions()), "inference:execute": 1,
		"models:read": 0, "model:raed": 0, "model": 0, "model:": 0, "": 0, "*": 0, "model:read:write": 0, "usage:write": 0, "tenant:*": 0, "gateway:call": 0,
		"self:any": 0, "Model:Read": 0, "model:read,": 0,
	} {
		var scope api.Scope
		err := scope.UnmarshalText([]byte(text))
		if (covered > 0) != (err == nil) || len(scope.Covered()) != covered {
			t.Errorf("%q covers %v (%v), want %d permissions", text, scope.Covered(), err, covered)
		}
		if err != nil && !strings.Contains(err.Error(), "model:read, model:write") {
			t.Errorf("%q is refused without a list of what is valid: %v", text, err)
		}
	}
}

func TestAnOldKeyMayWhatIsLeftOfItsScopes(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	who := auth.Principal{Roles: []api.Role{api.Owner}, Scopes: []api.Permission{"models:read", "tenant:delete", "model:read"}}
	if err := policy.Authorize(who, "model:read"); err != nil {
		t.Errorf("a scope that is unknown takes away another: %v", err)
	}
	for _, permission := range []api.Permission{"model:write", "tenant:delete", "models:read"} {
		if policy.Authorize(who, permission) == nil {
			t.Errorf("the key may %s", permission)
		}
	}
}

func TestScopesDoNotMakeThePolicyGrow(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	size := policy.Size()
	for i := range 1000 {
		name := api.Permission("x:" + strconv.Itoa(i))
		_ = policy.Authorize(auth.Principal{Roles: []api.Role{api.Owner}, Scopes: []api.Permission{name}}, name)
	}
	if grown := policy.Size() - size; grown != 0 || size != len(api.Roles())*len(api.Permissions()) {
		t.Errorf("of %d entries it grew by %d", size, grown)
	}
}
