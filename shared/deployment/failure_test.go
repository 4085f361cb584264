package deployment_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/deployment"
)

// shown returns what the API says of a version's deployment.
func (w world) shown(version string) api.Deployment {
	w.t.Helper()
	v, err := w.Catalog.GetVersion(w.t.Context(), w.Owner, api.VersionRequest{Model: w.model, Ref: catalogtest.Ref(version)})
	w.must(err)
	return v.Deployment
}

func TestAPassingFailureIsRetriedAtEverLongerPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Published(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	for i, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
		before := time.Now()
		at, err := w.Deployments.Retry(ctx, tenant, id, deployment.Setback{Reason: "no room in /var/lib/maas/models/0a"})
		w.must(err)
		if got := at.Sub(before); got < pause-time.Second || got > pause+time.Minute {
			t.Errorf("the pause after %d failures is %s, want %s", i+1, got, pause)
		}
		w.must(w.Deployments.Begin(ctx, tenant, id))
	}
	if d := w.shown("1.0.0"); d.Status != "starting" || d.Failure != "passing" || d.Attempts != 8 || d.RetryAt != nil || d.Reason != "no room in 0a" {
		t.Errorf("while it is tried again: %+v", d)
	}
	w.assertDesired(id, true, "failed for a passing reason")
	w.AssertWrote(event.DeploymentFailed{}, 0)

	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{}))
	if d := w.shown("1.0.0"); d.Failure != "" || d.Attempts != 0 || d.Reason != "" || w.Alias(w.model, "latest") != "1.0.0" {
		t.Errorf("once it is ready: %+v", d)
	}
}

func TestAHostIsToldWhenToTryAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Published(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	at, err := w.Deployments.Retry(ctx, tenant, id, deployment.Setback{Reason: "no room", Attempts: 3, RetryAt: time.Now().Add(time.Hour)})
	w.must(err)
	host := &shelf{running: map[uuid.UUID]deployment.Spec{}}
	w.must(w.Deployments.Run(ctx, host, id))
	if s := host.running[id]; !s.RetryAt.Equal(at) || !s.Waits() || s.Again {
		t.Errorf("the host was given %+v", s)
	}
	w.ages(id, "1 hour")
	w.assertWakes(0, "not tried again yet")

	w.owner("update versions set wanted_at = clock_timestamp() where id = $1", id)
	w.must(w.Deployments.Run(ctx, host, id))
	if s := host.running[id]; s.Waits() || !s.Again {
		t.Errorf("once it is asked for, the host was given %+v", s)
	}
	w.assertStatus(id, api.DeploymentPending)

	_, err = w.Deployments.Retry(ctx, tenant, id, deployment.Setback{Reason: "no room", Attempts: 4, RetryAt: time.Now().Add(-time.Second)})
	w.must(err)
	w.assertWakes(1, "due to be tried again")
}

func TestTheSameSetbackIsWrittenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	back := deployment.Setback{Reason: "no image", Attempts: 2, RetryAt: time.Now().Add(time.Minute)}
	for range 3 {
		told := w.Announced.Load()
		_, err := w.Deployments.Retry(t.Context(), w.Owner.Tenant, id, back)
		w.must(err)
		if told > 0 && w.shown("1.0.0").Attempts != 2 {
			t.Error("it is counted twice")
		}
	}
	told := w.Announced.Load()
	_, err := w.Deployments.Retry(t.Context(), w.Owner.Tenant, id, back)
	w.must(err)
	if w.Announced.Load() != told {
		t.Error("caches were told of nothing")
	}
}
