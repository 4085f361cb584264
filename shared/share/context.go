package share

import "context"

type holderKey struct{}

// With gives a context whose work is charged to the holder.
func With(ctx context.Context, h Holder) context.Context {
	return context.WithValue(ctx, holderKey{}, h)
}

// Of gives the holder that the context's work is charged to: the zero Holder, which is one, for what no caller has asked for.
func Of(ctx context.Context) Holder {
	h, _ := ctx.Value(holderKey{}).(Holder)
	return h
}
