package share

import "context"

// Charged is somebody that work is charged to.
type Charged interface {
	// Holder gives them as a holder. It may be called by several goroutines at once.
	Holder() Holder
}

// Holder implements Charged.
func (h Holder) Holder() Holder { return h }

type chargedKey struct{}

// With gives a context whose work is charged to somebody.
func With(ctx context.Context, to Charged) context.Context {
	return context.WithValue(ctx, chargedKey{}, to)
}

// Of gives the holder that the context's work is charged to: the zero Holder, which is one, for what no caller has asked for.
func Of(ctx context.Context) Holder {
	if to, ok := ctx.Value(chargedKey{}).(Charged); ok {
		return to.Holder()
	}
	return Holder{}
}
