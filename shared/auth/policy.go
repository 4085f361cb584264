package auth

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"

	"github.com/17882237881/MaaS/api/fault"
)

// Role is what a member is in a tenant.
type Role string

// The five roles.
const (
	Owner     Role = "owner"     // everything
	Admin     Role = "admin"     // everything but deleting the tenant
	Developer Role = "developer" // models, uploads, versions, inference, reading usage
	Viewer    Role = "viewer"    // reading everything
	Caller    Role = "caller"    // inference alone
)

// Roles lists them, most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Developer, Viewer, Caller} }

// UnmarshalText reads a role.
func (r *Role) UnmarshalText(text []byte) error {
	if !slices.Contains(Roles(), Role(text)) {
		return fault.New(fault.Invalid, "a role is owner, admin, developer, viewer or caller", fault.Field("roles"))
	}
	*r = Role(text)
	return nil
}

// Permission is "object:action": "model:read", "inference:execute". What an API key is limited to is written in the same way, and either side may be "*".
type Permission string

// Public is the permission of routes that anyone may call without a credential; Self of those that any signed-in caller may.
const (
	Public Permission = ""
	Self   Permission = "self:any"
)

// Permissions lists the permissions that routes need and roles grant.
func Permissions() []Permission {
	return []Permission{
		"inference:execute", "key:read", "key:write", "model:delete", "model:read", "model:write", "upload:read", "upload:write", "usage:read",
		"version:publish", "version:read", "version:write",
	}
}

// covers reports whether p includes q.
func (p Permission) covers(q Permission) bool {
	object, action, _ := strings.Cut(string(p), ":")
	wantedObject, wantedAction, _ := strings.Cut(string(q), ":")
	return (object == "*" || object == wantedObject) && (action == "*" || action == wantedAction)
}

// Scope limits a new API key: a permission, or "*" in the place of either side of one.
type Scope Permission // those of keys that exist are Permissions, unchecked: they may be from a time when there were others, and cover what is left

// UnmarshalText reads a scope. It fails with Invalid if the scope covers no permission.
func (s *Scope) UnmarshalText(text []byte) error {
	scope := Scope(text)
	if len(scope.Covered()) == 0 {
		return fault.New(fault.Invalid, "must be one of "+join(Permissions())+`, or have "*" in the place of either side, like model:* or *:read.`,
			fault.Field("scopes"))
	}
	*s = scope
	return nil
}

// Covered lists the permissions that the scope covers.
func (s Scope) Covered() []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return !Permission(s).covers(p) })
}

// join lists permissions for people to read.
func join(permissions []Permission) string {
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

//go:embed policy.conf
var modelText string

//go:embed policy.csv
var policyText string

// Policy decides what roles may do. It is safe for concurrent use.
//
// Casbin takes 10 µs for a decision (BenchmarkStream in serve), which each inference would pay. As there are as many decisions as roles times permissions,
// NewPolicy asks for all of them, and the policy does not grow afterwards.
type Policy struct {
	granted map[grant]bool
}

// grant is a permission of a role.
type grant struct {
	role       Role
	permission Permission
}

// NewPolicy compiles the embedded policy.
func NewPolicy() (*Policy, error) { return compile(Permissions()) }

// anyTenant is the tenant that Casbin is asked about. Each line of the embedded policy holds in all tenants.
const anyTenant = "any"

func compile(permissions []Permission) (*Policy, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("auth: model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(policyText))
	if err != nil {
		return nil, fmt.Errorf("auth: policy: %w", err)
	}
	p := &Policy{granted: map[grant]bool{}}
	for _, role := range Roles() {
		for _, permission := range permissions {
			object, action, _ := strings.Cut(string(permission), ":")
			if p.granted[grant{role, permission}], err = enforcer.Enforce(string(role), anyTenant, object, action); err != nil {
				return nil, fmt.Errorf("auth: policy: %w", err)
			}
		}
	}
	return p, nil
}

// Authorize fails with Forbidden unless one of the principal's roles grants the permission and, if the principal is an API key, one of its scopes covers it.
func (p *Policy) Authorize(who Principal, permission Permission) error {
	if permission == Public || permission == Self {
		return nil
	}
	inScope := who.Scopes == nil || slices.ContainsFunc(who.Scopes, func(s Permission) bool { return s.covers(permission) })
	if inScope && slices.ContainsFunc(who.Roles, func(r Role) bool { return p.granted[grant{r, permission}] }) {
		return nil
	}
	return fault.New(fault.Forbidden, fmt.Sprintf("This needs the permission %s, which you do not have in %s.", permission, who.TenantName))
}
