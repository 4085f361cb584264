package auth

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// those of keys that exist are Permissions, unchecked: they may be from a time when there were others, and cover what is left

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
	role       api.Role
	permission api.Permission
}

// NewPolicy returns the policy that is embedded in the program. It fails if that cannot be parsed.
func NewPolicy() (*Policy, error) { return compile(api.Permissions()) }

// anyTenant is the tenant that Casbin is asked about. Each line of the embedded policy holds in all tenants.
const anyTenant = "any"

// compile returns the policy's decisions about each role and each of the permissions.
func compile(permissions []api.Permission) (*Policy, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("auth: model: %w", err)
	}
	enforcer, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(policyText))
	if err != nil {
		return nil, fmt.Errorf("auth: policy: %w", err)
	}
	p := &Policy{granted: map[grant]bool{}}
	for _, role := range api.Roles() {
		for _, permission := range permissions {
			object, action, _ := strings.Cut(string(permission), ":")
			if p.granted[grant{role, permission}], err = enforcer.Enforce(string(role), anyTenant, object, action); err != nil {
				return nil, fmt.Errorf("auth: policy: %w", err)
			}
		}
	}
	return p, nil
}

// Authorize fails with Forbidden unless one of the principal's roles grants the permission and, for an API key, one of its scopes covers it. The
// permissions Public and Self are everybody's.
func (p *Policy) Authorize(who Principal, permission api.Permission) error {
	if permission == api.Public || permission == api.Self {
		return nil
	}
	inScope := who.Scopes == nil || slices.ContainsFunc(who.Scopes, func(s api.Permission) bool { return s.Covers(permission) })
	if inScope && slices.ContainsFunc(who.Roles, func(r api.Role) bool { return p.granted[grant{r, permission}] }) {
		return nil
	}
	return fault.New(fault.Forbidden, fmt.Sprintf("This needs the permission %s, which you do not have in %s.", permission, who.TenantName))
}
