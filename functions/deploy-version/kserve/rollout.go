package kserve

import (
	"context"
	"sync"
	"time"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/serving/pkg/apis/serving"
)

// changedAnnotation tells when an InferenceService that served was changed last (RFC 3339). Each such change makes new pods.
const changedAnnotation = "maas.dev/changed-at"

// rolloutPause is the least time that a changed InferenceService counts as rolling, since KServe takes a while to see the change, and for which a count
// of those that roll is reused.
const rolloutPause = 30 * time.Second

// rollout bounds how many InferenceServices that serve get new pods at the same time. Without it, a release that makes them in another way would
// start all models of a cluster at once. What it counts are the InferenceServices, so that the bound holds for several processes together.
type rollout struct {
	most int // that roll at the same time

	mu      sync.Mutex
	counted time.Time // when room was counted
	room    int       // how many more may be changed
	waits   bool      // one has been refused since the last call of takeWaits
}

// takeWaits reports whether mayChange has returned false since the last call of takeWaits.
func (r *rollout) takeWaits() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	waits := r.waits
	r.waits = false
	return waits
}

// mayChange reports whether an InferenceService that serves may be changed now, and if so counts it as rolling. One that is rolling already always
// may, since the change may be what makes it ready.
func (h *Host) mayChange(ctx context.Context, service *v1beta1.InferenceService) (bool, error) {
	now := time.Now()
	if rolling(service, now) {
		return true, nil
	}
	r := &h.rollout
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.counted) >= rolloutPause {
		list, err := h.services.List(ctx, metav1.ListOptions{LabelSelector: managerLabel + "=" + manager})
		if err != nil {
			return false, away(err)
		}
		r.counted, r.room = now, h.countRoom(ctx, list.Items, now)
	}
	if r.room <= 0 {
		r.waits = true
		return false, nil
	}
	r.room--
	return true, nil
}

// countRoom returns how many more of the services may be changed. It returns 0, and logs why, if a changed one has not become ready in its time.
func (h *Host) countRoom(ctx context.Context, services []v1beta1.InferenceService, now time.Time) int {
	room := h.rollout.most
	for i := range services {
		service := &services[i]
		if !rolling(service, now) {
			continue
		}
		if room--; now.Sub(changedAt(service)) > h.timeToStart(service) {
			h.log.ErrorContext(ctx, "a changed InferenceService does not become ready: no other that serves is changed until it does or is gone",
				"name", service.Name, "version", service.Annotations[versionAnnotation])
			return 0
		}
	}
	return max(room, 0)
}

// timeToStart returns how long the start of an InferenceService's pods may take: by its annotation, or as configured without a valid one.
func (h *Host) timeToStart(service *v1beta1.InferenceService) time.Duration {
	limit, err := time.ParseDuration(service.Annotations[serving.ProgressDeadlineAnnotationKey])
	if err != nil {
		return h.maker.startTime + startMargin
	}
	return limit
}

// rolling reports whether an InferenceService was changed and its new pods have not been ready yet, or it is being deleted. In the mode Standard
// KServe does not tell new pods from former ones, so there it counts as rolling for rolloutPause.
func rolling(service *v1beta1.InferenceService, now time.Time) bool {
	if service.DeletionTimestamp != nil {
		return true
	}
	at := changedAt(service)
	if at.IsZero() {
		return false
	}
	status := service.Status.Components[v1beta1.PredictorComponent]
	return now.Sub(at) < rolloutPause || status.LatestCreatedRevision != status.LatestReadyRevision
}

// markChanged records the present time in an InferenceService as that of its change.
func markChanged(service *v1beta1.InferenceService) {
	service.Annotations[changedAnnotation] = time.Now().UTC().Format(time.RFC3339)
}

// changedAt returns when an InferenceService was changed last while it served, zero if it never was.
func changedAt(service *v1beta1.InferenceService) time.Time {
	at, _ := time.Parse(time.RFC3339, service.Annotations[changedAnnotation]) // zero where somebody has written something else
	return at
}
