package auth_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
)

func TestRolesMayWhatTheDesignSays(t *testing.T) {
	t.Parallel()
	all := auth.Roles()
	cases := map[auth.Permission][]auth.Role{
		"tenant:delete":     {auth.Owner},
		"quota:write":       {auth.Owner},
		"user:write":        {auth.Owner, auth.Admin},
		"audit:read":        {auth.Owner, auth.Admin, auth.Viewer},
		"key:write":         {auth.Owner, auth.Admin},
		"model:write":       {auth.Owner, auth.Admin, auth.Developer},
		"upload:write":      {auth.Owner, auth.Admin, auth.Developer},
		"version:publish":   {auth.Owner, auth.Admin, auth.Developer},
		"model:read":        {auth.Owner, auth.Admin, auth.Developer, auth.Viewer},
		"usage:read":        {auth.Owner, auth.Admin, auth.Developer, auth.Viewer},
		"inference:execute": {auth.Owner, auth.Admin, auth.Developer, auth.Caller},
		auth.Self:           all,
		auth.Public:         all,
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
		{auth.Owner, "*:*", "model:delete", true},
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

func TestAScopeCoversAPermission(t *testing.T) {
	t.Parallel()
	for text, covered := range map[string]int{
		"model:read": 1, "model:*": 3, "*:read": 5, "*:*": len(auth.Permissions()), "inference:execute": 1,
		"models:read": 0, "model:raed": 0, "model": 0, "model:": 0, "": 0, "*": 0, "model:read:write": 0, "usage:write": 0, "tenant:*": 0, "gateway:call": 0,
		"self:any": 0, "Model:Read": 0, "model:read,": 0,
	} {
		var scope auth.Scope
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
	who := auth.Principal{Roles: []auth.Role{auth.Owner}, Scopes: []auth.Permission{"models:read", "tenant:delete", "model:read"}}
	if err := policy.Authorize(who, "model:read"); err != nil {
		t.Errorf("a scope that is unknown takes away another: %v", err)
	}
	for _, permission := range []auth.Permission{"model:write", "tenant:delete", "models:read"} {
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
		name := auth.Permission("x:" + strconv.Itoa(i))
		_ = policy.Authorize(auth.Principal{Roles: []auth.Role{auth.Owner}, Scopes: []auth.Permission{name}}, name)
	}
	if grown := policy.Size() - size; grown != 0 || size != len(auth.Roles())*len(auth.Permissions()) {
		t.Errorf("of %d entries it grew by %d", size, grown)
	}
}
