package auth

// Compile is compile for tests.
func Compile(permissions []Permission) (*Policy, error) { return compile(permissions) }

// Size is how many decisions the policy holds.
func (p *Policy) Size() int { return len(p.granted) }
