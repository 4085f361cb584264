// Package objectstest gives each test a bucket of its own on the real S3 server that S3_ENDPOINT names.
package objectstest

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
)

// New returns a store with a new bucket, which is emptied when the test ends.
func New(t testing.TB) *objects.Store {
	t.Helper()
	return Open(t, Environment(t))
}

// Environment creates a bucket, which is emptied when the test ends, and returns the S3_* variables with which a function opens it. Clients can
// reach the store. It ends the test if S3_ENDPOINT is not set.
func Environment(t testing.TB) map[string]string {
	t.Helper()
	vars := map[string]string{}
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "S3_") {
			vars[name] = value
		}
	}
	if vars["S3_ENDPOINT"] == "" {
		t.Fatal("S3_ENDPOINT is not set: run the tests under `bin/maas stores -- go test ...`, as `make test` does")
	}
	if vars["S3_PUBLIC_ENDPOINT"] == "" {
		vars["S3_PUBLIC_ENDPOINT"] = vars["S3_ENDPOINT"]
	}
	vars["S3_BUCKET"] = "test-" + uuid.NewString()
	store := Open(t, vars)
	if err := store.EnsureBucket(t.Context()); err != nil {
		t.Fatalf("make the bucket: %v", err)
	}
	t.Cleanup(func() { empty(t, store) })
	return vars
}

// Open returns the store that the variables describe, such as those of Environment with another address. It is closed when the test ends.
func Open(t testing.TB, vars map[string]string) *objects.Store {
	t.Helper()
	e := env.New("test", maps.Clone(vars), slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	store, err := objects.Open(t.Context(), e)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	return store
}

// empty deletes all objects and unfinished uploads of the store. It logs the first error and stops.
func empty(t testing.TB, store *objects.Store) {
	ctx := context.Background() // the test's has ended
	for object, err := range store.List(ctx, "") {
		if err != nil || store.Delete(ctx, object.Key) != nil {
			t.Logf("an object stays behind: %v", err)
			return
		}
	}
	for begun, err := range store.Unfinished(ctx, "") {
		if err != nil || store.Abort(ctx, begun.Multipart) != nil {
			t.Logf("an unfinished upload stays behind: %v", err)
			return
		}
	}
}
