package auth

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/fault"
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

// Permission is "object:action": "model:read", "inference:execute". As a key's scope either side may be "*".
type Permission string

// Public is the permission of routes that anyone may call without a credential; Self of those that any signed-in caller may.
const (
	Public Permission = ""
	Self   Permission = "self:any"
)

// UnmarshalText reads a permission or a scope.
func (p *Permission) UnmarshalText(text []byte) error {
	object, action, ok := strings.Cut(string(text), ":")
	if !ok || !isWord(object) || !isWord(action) {
		return fault.New(fault.Invalid, "a scope is written object:action, like inference:execute, model:* or *:read", fault.Field("scopes"))
	}
	*p = Permission(text)
	return nil
}

func isWord(s string) bool {
	return s == "*" || s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
}

// covers reports whether the scope takes in the permission.
func (p Permission) covers(q Permission) bool {
	object, action, _ := strings.Cut(string(p), ":")
	wantedObject, wantedAction, _ := strings.Cut(string(q), ":")
	return (object == "*" || object == wantedObject) && (action == "*" || action == wantedAction)
}

//go:embed policy.conf
var modelText string

//go:embed policy.csv
var policyText string

// Policy decides what roles may do. It is safe for concurrent use.
type Policy struct {
	enforcer *casbin.Enforcer
	decided  sync.Map // decision → bool; Enforce takes 10 µs (BenchmarkStream in serve), which each inference would pay
}

// decision is what the embedded policy decides by: each of its lines holds in all tenants, so that there are as many as roles times permissions.
type decision struct {
	role       Role
	permission Permission
}

// NewPolicy loads the embedded model and roles.
func NewPolicy() (*Policy, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("auth: model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(policyText))
	if err != nil {
		return nil, fmt.Errorf("auth: policy: %w", err)
	}
	return &Policy{enforcer: enforcer}, nil
}

// Authorize fails with Forbidden unless one of the principal's roles, and each limit of its key, allows the permission in its tenant.
func (p *Policy) Authorize(who Principal, permission Permission) error {
	if permission == Public || permission == Self && who.Scopes == nil {
		return nil
	}
	allowed, err := p.allows(who, permission)
	if err != nil {
		return fault.New(fault.Internal, "The permission could not be checked.", fault.Op("auth.Authorize"), fault.Cause(err))
	}
	if !allowed {
		return fault.New(fault.Forbidden, fmt.Sprintf("This needs the permission %s, which you do not have in %s.", permission, who.TenantName))
	}
	return nil
}

func (p *Policy) allows(who Principal, permission Permission) (bool, error) {
	if who.Scopes != nil && !slices.ContainsFunc(who.Scopes, func(s Permission) bool { return s.covers(permission) }) {
		return permission == Self, nil
	}
	if permission == Self {
		return true, nil
	}
	for _, role := range who.Roles {
		if ok, err := p.decide(role, who.Tenant, permission); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (p *Policy) decide(role Role, tenant uuid.UUID, permission Permission) (bool, error) {
	key := decision{role, permission}
	if known, ok := p.decided.Load(key); ok {
		allowed, _ := known.(bool)
		return allowed, nil
	}
	object, action, _ := strings.Cut(string(permission), ":")
	ok, err := p.enforcer.Enforce(string(role), tenant.String(), object, action)
	if err == nil {
		p.decided.Store(key, ok)
	}
	return ok, err
}
