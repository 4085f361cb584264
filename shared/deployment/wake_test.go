package deployment_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/catalogtest"
)

// assertWakes fails the test unless a round asks for so many versions. Then what was asked for is done.
func (w world) assertWakes(want int, why string) {
	w.t.Helper()
	before := w.Count("select count(*) from outbox where type = $1", string(event.DeploymentWanted{}.EventType()))
	for range 2 { // the second finds all asked for
		w.must(w.Deployments.Wake(w.t.Context()))
	}
	after := w.Count("select count(*) from outbox where type = $1", string(event.DeploymentWanted{}.EventType()))
	if got := after - before; got != want {
		w.t.Errorf("%s: %d versions are asked for, want %d", why, got, want)
	}
	w.owner("update outbox set done_at = now() where done_at is null")
}

// ages makes a deployment as old as the interval says.
func (w world) ages(version uuid.UUID, interval string) {
	w.t.Helper()
	w.owner("update deployments set updated_at = now() - $2::text::interval where version_id = $1", version, interval)
}

func TestWhatShouldRunAndDoesNotIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, tenant := t.Context(), w.Owner.Tenant
	id := w.Published(w.model, "1.0.0")
	w.assertWakes(0, "just published")
	w.owner("alter table versions disable trigger all")
	w.owner("update versions set published_at = now() - interval '1 hour'")
	w.owner("alter table versions enable trigger all")
	w.assertWakes(1, "published, and nobody came")

	w.must(w.Deployments.Request(ctx, tenant, id, ""))
	w.assertWakes(0, "just asked for")
	w.ages(id, "31 seconds")
	w.assertWakes(1, "waiting for a while")
	w.ages(id, "21 minutes")
	w.assertWakes(0, "waiting for long")
	w.owner("update deployments set woken_at = now() - interval '15 minutes'")
	w.assertWakes(1, "asked for a quarter of an hour ago")
	w.assertWakes(0, "just asked for again")

	w.must(w.Deployments.Failed(ctx, tenant, id, "out of memory"))
	w.ages(id, "1 minute")
	w.assertWakes(0, "failed")

	w.Start(id)
	w.ages(id, "1 hour")
	w.assertWakes(0, "ready")
	w.owner("update deployments set status = 'removed'")
	w.assertWakes(1, "removed, and an alias leads to it")
}

func TestWhatRunsAndShouldNotIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Ready(w.model, "1.0.0")
	w.Ready(w.model, "1.1.0")
	_, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")})
	w.must(err)
	w.owner("update outbox set done_at = now()") // somebody lost the event
	w.ages(id, "1 minute")
	w.assertWakes(1, "retired, and it runs")
	w.must(w.Deployments.Removed(t.Context(), w.Owner.Tenant, id))
	w.assertWakes(0, "removed")
}

func TestWhatAnAliasJustLeftIsCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/d/1/v2/health/ready" {
			calls.Add(1)
		}
	}))
	t.Cleanup(server.Close)
	assertCalls := func(want int32, why string) {
		t.Helper()
		calls.Store(0)
		w.must(w.Deployments.Warm(t.Context()))
		if got := calls.Load(); got != want {
			t.Errorf("%s: called %d times, want %d", why, got, want)
		}
	}
	id := w.Published(w.model, "1.0.0")
	w.must(w.Deployments.Ready(t.Context(), w.Owner.Tenant, id, server.URL+"/d/1", api.StartPhases{}))
	assertCalls(0, "an alias leads to it")
	w.Ready(w.model, "1.0.1") // whose endpoint does not answer
	for range 3 {
		assertCalls(1, "within the guard window")
	}
	w.must(w.Deployments.Failed(t.Context(), w.Owner.Tenant, id, "out of memory"))
	assertCalls(0, "failed")
	w.Start(id)
	w.owner("alter table alias_moves disable trigger alias_moves_append_only")
	w.owner("update alias_moves set moved_at = now() - interval '11 minutes'")
	assertCalls(0, "after the guard window")
	w.assertWakes(0, "it runs")
}
