// Package idempotency carries a request's Idempotency-Key from httpapi, which reads it, to postgres.Once, which honours it.
package idempotency

import "context"

// Key is what makes two requests of a tenant the same. With equal Value and Route and another Body, the second is a mistake.
type Key struct {
	Value string   // as the client sent it, 1 to 255 printable ASCII characters
	Route string   // the route's pattern: "POST /v1/models"
	Body  [32]byte // SHA-256 of the path and the body
}

type contextKey struct{}

// With returns a context that carries the key.
func With(ctx context.Context, key Key) context.Context {
	return context.WithValue(ctx, contextKey{}, key)
}

// From returns the context's key. It reports false if the request had none.
func From(ctx context.Context) (Key, bool) {
	key, ok := ctx.Value(contextKey{}).(Key)
	return key, ok
}
