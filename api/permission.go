package api

import (
	"slices"
	"strings"

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

// Roles lists the roles, most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Developer, Viewer, Caller} }

// UnmarshalText reads a role. It fails with Invalid if there is no such role.
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

// Permissions returns a new list of the permissions that roles grant and routes need, in alphabetical order. Public and Self, which no role grants, are not
// among them.
func Permissions() []Permission {
	return []Permission{
		"inference:execute", "key:read", "key:write", "model:delete", "model:read", "model:write", "policy:read", "policy:write",
		"upload:read", "upload:write", "usage:read", "version:publish", "version:read", "version:write",
	}
}

// Covers reports whether p includes q: both sides are equal, or "*" in p.
func (p Permission) Covers(q Permission) bool {
	object, action, _ := strings.Cut(string(p), ":")
	wantedObject, wantedAction, _ := strings.Cut(string(q), ":")
	return (object == "*" || object == wantedObject) && (action == "*" || action == wantedAction)
}

// Scope limits a new API key: a permission, or "*" in the place of either side of one.
type Scope Permission

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

// Covered lists the permissions that the scope covers, in the order of Permissions; none for a malformed scope.
func (s Scope) Covered() []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return !Permission(s).Covers(p) })
}

// join lists permissions for people to read.
func join(permissions []Permission) string {
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
