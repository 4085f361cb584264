package idempotency_test

import (
	"testing"

	"github.com/17882237881/MaaS/shared/idempotency"
)

func TestAContextGivesBackItsKey(t *testing.T) {
	t.Parallel()
	want := idempotency.Key{Value: "k", Route: "POST /v1/models", Body: [32]byte{1}}
	if got, ok := idempotency.From(idempotency.With(t.Context(), want)); !ok || got != want {
		t.Errorf("From gives %v, %v", got, ok)
	}
	if _, ok := idempotency.From(t.Context()); ok {
		t.Error("a context without a key has one")
	}
}
