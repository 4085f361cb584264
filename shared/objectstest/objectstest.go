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

// New opens a bucket that is made for the test and emptied after it.
func New(t testing.TB) *objects.Store {
	t.Helper()
	return Open(t, Environment(t))
}

// Environment makes a bucket for the test and returns the S3_* variables with which a function opens it. Clients can reach the store.
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

// Open opens a store as the variables say, such as Environment's with an address changed, and closes it after the test.
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
