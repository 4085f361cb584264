package kserve

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// changed returns the versions whose InferenceServices have the concurrency.
func (w world) changed(versions []uuid.UUID, concurrency int32) (all []int) {
	w.t.Helper()
	for i, id := range versions {
		if *w.service(id).Spec.Predictor.ScaleTarget == concurrency {
			all = append(all, i)
		}
	}
	return all
}

// revisions writes which revisions KServe made of a version, and when the version was changed.
func (w world) revisions(version uuid.UUID, created, ready string, changed time.Time) {
	w.t.Helper()
	service := w.service(version)
	predictor := service.Status.Components[v1beta1.PredictorComponent]
	predictor.LatestCreatedRevision, predictor.LatestReadyRevision = created, ready
	service.Status.Components[v1beta1.PredictorComponent] = predictor
	service.Annotations[changedAnnotation] = changed.Format(time.RFC3339)
	_, err := w.host.services.Update(w.t.Context(), service, metav1.UpdateOptions{})
	w.must(err)
	w.host.rollout.counted = time.Time{}
}

func (w world) serving(n int) (versions []uuid.UUID) {
	w.t.Helper()
	for i := range n {
		id := w.Published(w.model, "1.0."+string(rune('0'+i)))
		w.run(id)
		w.show(id, "ready")
		w.run(id)
		versions = append(versions, id)
	}
	return versions
}

func TestModelsThatServeGetNewPodsAFewAtATimeTheLeastCalledFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.serving(4)
	for i, hours := range []int{1, 3, 2, 4} {
		w.owner("update deployments set last_called = now() - make_interval(hours => $2) where version_id = $1", all[i], hours)
	}
	w.host.rollout.most = 2
	w.host.maker.concurrency = 4
	reconcile := func(want ...int) {
		t.Helper()
		w.must(w.Deployments.Reconcile(t.Context(), w.host))
		if got := w.changed(all, 4); !slices.Equal(got, want) {
			t.Fatalf("changed are %v, want %v", got, want)
		}
		if waits := w.host.rollout.takeWaits(); waits != (len(want) < len(all)) {
			t.Errorf("waits: %t, with %d of %d changed", waits, len(want), len(all))
		}
	}
	reconcile(1, 3)
	reconcile(1, 3) // they roll

	longAgo := time.Now().Add(-time.Minute)
	w.revisions(all[1], "2", "2", longAgo)
	w.revisions(all[3], "2", "1", longAgo)
	reconcile(1, 2, 3)
	w.revisions(all[2], "2", "2", longAgo)
	reconcile(0, 1, 2, 3)
}

func TestAChangeThatDoesNotBecomeReadyStopsTheRollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.serving(3)
	w.host.maker.startTime, w.host.rollout.most = time.Hour, 2
	w.host.maker.concurrency = 4
	w.run(all[0])
	w.revisions(all[0], "2", "1", time.Now().Add(-2*time.Hour))
	w.must(w.Deployments.Reconcile(t.Context(), w.host))
	if got := w.changed(all, 4); len(got) != 1 || got[0] != 0 {
		t.Errorf("changed are %v, want none but the one that is not ready", got)
	}
	w.revisions(all[0], "2", "2", time.Now().Add(-2*time.Hour))
	w.must(w.Deployments.Reconcile(t.Context(), w.host))
	if got := w.changed(all, 4); len(got) != 3 {
		t.Errorf("changed are %v, want all once it is ready", got)
	}
}

func TestAnotherModeIsRolledOutAFewAtATimeToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.serving(2)
	w.owner("update deployments set last_called = now() where version_id = $1", all[1])
	w.host.rollout.most = 1
	w.host.maker.mode = Standard // KServe lets nobody change it: the InferenceService is deleted and made again
	for range 3 {
		w.host.rollout.counted = time.Time{}
		_ = w.Deployments.Reconcile(t.Context(), w.host) // fails while the first is being deleted
	}
	first, second := w.service(all[0]), w.service(all[1])
	if first.Annotations[constants.DeploymentMode] != string(Standard) || changedAt(first).IsZero() {
		t.Errorf("the first has %v", first.Annotations)
	}
	if second.Annotations[constants.DeploymentMode] != string(Knative) {
		t.Error("the second is made again before the first can be ready")
	}
}
