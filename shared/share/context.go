package share

import "context"

// Charged is an identity that shared resources are charged to.
type Charged interface {
	// Holder returns the identity as a Holder. It is safe for concurrent use.
	Holder() Holder
}

// Holder implements Charged.
func (h Holder) Holder() Holder { return h }

type chargedKey struct{}

// With returns a context whose use of shared resources is charged to the identity.
func With(ctx context.Context, to Charged) context.Context {
	return context.WithValue(ctx, chargedKey{}, to)
}

// Of returns the holder that the context's use of shared resources is charged to. It is the zero Holder, which all share, if With was not called.
func Of(ctx context.Context) Holder {
	if to, ok := ctx.Value(chargedKey{}).(Charged); ok {
		return to.Holder()
	}
	return Holder{}
}
