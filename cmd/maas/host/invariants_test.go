package host_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/invarianttest"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// TestABrokenInvariantIsSeen breaks what invarianttest checks, one thing after the other, so that its silence elsewhere means something.
func TestABrokenInvariantIsSeen(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	w.rival(t)
	j := journey{w, t, w.Token(w.Owner)}
	j.must("POST", "/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	j.await("/v1/uploads/"+j.push("1.0.0", "digits.onnx"), `"status":"ready"`)
	j.must("POST", "/v1/models/acme/digits/versions/1.0.0/publish", `{}`, http.StatusAccepted, nil)
	j.await("/v1/models/acme/digits", `"latest":"1.0.0"`)
	j.chunk()
	seen := &witness{TB: t}
	invarianttest.Installation{Vars: w.vars}.Check(seen)
	if len(seen.said) > 0 {
		t.Fatalf("broken before anything was: %s", seen.said)
	}

	for _, broken := range []struct {
		numbers string
		sql     string
		store   func(t *testing.T, vars map[string]string)
	}{
		{"2", `update aliases set traffic = '[{"version":"9.9.9","weight":100}]' where alias = 'latest'`, nil},
		{"4", `delete from outbox where type = 'maas.version.published.v1'`, nil},
		{"6", `alter table audit_entries disable trigger all; update audit_entries set actor = 'nobody'`, nil},
		{"8", `alter table models disable row level security`, nil},
		{"3", ``, abandon},
		{"1 7", ``, empty},
	} {
		w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error { _, err := conn.Exec(ctx, broken.sql); return err })
		if broken.store != nil {
			broken.store(t, w.vars)
		}
		seen := &witness{TB: t}
		invarianttest.Installation{Vars: w.vars}.Check(seen)
		for number := range strings.FieldsSeq(broken.numbers) {
			if !strings.Contains("\n"+strings.Join(seen.said, "\n"), "\n"+number+": ") {
				t.Errorf("invariant %s is broken, and that is not seen: %s", number, seen.said)
			}
		}
	}
}

// chunk leaves an upload open that has one chunk.
func (j journey) chunk() {
	j.t.Helper()
	var made struct{ ID string }
	j.must("POST", "/v1/uploads", `{"model":"acme/digits","version":"2.0.0","filename":"a.onnx","size":1}`, http.StatusCreated, &made)
	in := request(chunkRoute, subject{model: "acme/digits", upload: made.ID})
	j.API.Must(functiontest.Request{Method: in.Method, Path: in.Path, Body: in.Body, Header: in.Header, Token: j.token}, http.StatusOK, nil)
}

// abandon takes all unfinished uploads out of the store.
func abandon(t *testing.T, vars map[string]string) {
	t.Helper()
	store := objectstest.Open(t, vars)
	for begun, err := range store.Unfinished(t.Context(), "") {
		must(t, err)
		must(t, store.Abort(t.Context(), begun.Multipart))
	}
}

// empty takes all objects out of the store.
func empty(t *testing.T, vars map[string]string) {
	t.Helper()
	store := objectstest.Open(t, vars)
	for object, err := range store.List(t.Context(), "") {
		must(t, err)
		must(t, store.Delete(t.Context(), object.Key))
	}
}

// witness hears what a check reports.
type witness struct {
	testing.TB

	said []string
}

// Error implements testing.TB.
func (w *witness) Error(values ...any) { w.said = append(w.said, fmt.Sprint(values...)) }

// Errorf implements testing.TB.
func (w *witness) Errorf(format string, values ...any) {
	w.said = append(w.said, fmt.Sprintf(format, values...))
}
