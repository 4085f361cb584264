package auth

import "github.com/17882237881/MaaS/api"

// Compile is compile for tests.
func Compile(permissions []api.Permission) (*Policy, error) { return compile(permissions) }

// Size returns how many decisions the policy holds.
func (p *Policy) Size() int { return len(p.granted) }
