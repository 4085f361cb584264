package auth

import "context"

type principalKey struct{}

// WithPrincipal returns a context that carries the caller, for handlers that cannot take it as an argument (gRPC).
func WithPrincipal(ctx context.Context, who Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, who)
}

// PrincipalFrom returns the caller that WithPrincipal put into the context, or the zero Principal, which is anonymous.
func PrincipalFrom(ctx context.Context) Principal {
	who, _ := ctx.Value(principalKey{}).(Principal)
	return who
}
