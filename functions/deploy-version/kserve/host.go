package kserve

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	services "github.com/kserve/kserve/pkg/client/clientset/versioned/typed/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	pods "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/deployment"
)

// Host is the deployment.Host of one cluster. It is safe for concurrent use, also by several processes.
type Host struct {
	deployments *deployment.Deployments
	services    services.InferenceServiceInterface
	pods        pods.PodInterface
	maker       maker
	rollout     rollout
	log         *slog.Logger
}

// Start implements deployment.Host. It creates or changes the InferenceService and reports what it sees of it. A version that serves may have to
// wait until others that were changed are ready. It keeps its pods until begin, or an event, calls Start again.
func (h *Host) Start(ctx context.Context, s deployment.Spec) error {
	want, err := h.maker.service(s)
	if err != nil {
		return h.deployments.Failed(ctx, s.Tenant, s.VersionID, err.Error())
	}
	if s.Waits() {
		if there, err := h.there(ctx, want.Name); err != nil || !there {
			return err // it is begun anew at its time, when sweep comes by
		}
	}
	service, made, err := h.apply(ctx, want, s.Status)
	if why := refusal(err); why != "" && !s.Status.Serves() { // what serves goes on as it is
		return h.deployments.Failed(ctx, s.Tenant, s.VersionID, why)
	}
	if err != nil {
		return err
	}
	if made && s.Status.Serves() {
		if err := h.deployments.Lost(ctx, s.Tenant, s.VersionID); err != nil {
			return err
		}
		s.Status = api.DeploymentPending
	}
	return h.look(ctx, s, service)
}

// there reports whether the InferenceService exists and is not being deleted.
func (h *Host) there(ctx context.Context, name string) (bool, error) {
	service, err := h.services.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, away(err)
	}
	return service.DeletionTimestamp == nil, nil
}

// Stop implements deployment.Host. It deletes the InferenceService, whose name is free again once its pods are gone.
func (h *Host) Stop(ctx context.Context, version uuid.UUID) error {
	return h.remove(ctx, name(version), metav1.DeleteOptions{})
}

// Running implements deployment.Host.
func (h *Host) Running(ctx context.Context) ([]uuid.UUID, error) {
	list, err := h.services.List(ctx, metav1.ListOptions{LabelSelector: managerLabel + "=" + manager})
	if err != nil {
		return nil, away(err)
	}
	all := make([]uuid.UUID, 0, len(list.Items))
	for _, service := range list.Items {
		if version, ok := versionOf(service.Name); ok && service.DeletionTimestamp == nil {
			all = append(all, version)
		}
	}
	return all, nil
}

// look reads the version's pods, and reports the state of the version by tell.
func (h *Host) look(ctx context.Context, s deployment.Spec, service *v1beta1.InferenceService) error {
	allowed, err := h.maker.rule.For(s)
	if err != nil {
		return err // service has taken it
	}
	list, err := h.pods.List(ctx, metav1.ListOptions{LabelSelector: constants.InferenceServicePodLabelKey + "=" + service.Name})
	if err != nil {
		return away(err)
	}
	seen := sight{
		service: service, pods: living(list.Items), now: time.Now(), serves: s.Status.Serves(), startTime: s.StartTime(h.maker.startTime),
		allowed: allowed,
	}.state()
	return h.tell(ctx, s, service, seen)
}

// tell reports what is seen of a version if its deployment does not say so already, and deletes a service that cannot start. A version that has
// been ready stays ready while its pods come and go.
func (h *Host) tell(ctx context.Context, s deployment.Spec, service *v1beta1.InferenceService, seen state) error {
	switch {
	case seen.is == broken:
		return h.giveUp(ctx, s, service, seen)
	case seen.is == hindered:
		return h.beginAnew(ctx, s, service, seen.why)
	case seen.is == ready:
		return h.ready(ctx, s, seen)
	case seen.is == idle:
		return h.idle(ctx, s, seen)
	case s.Status.Serves():
		return nil
	case seen.is == starting && seen.why != "" && s.Again: // what waits for its next try is asked for: new pods wait for nothing
		return h.remove(ctx, service.Name, metav1.DeleteOptions{})
	case seen.is == starting && seen.why != "":
		_, err := h.deployments.Retry(ctx, s.Tenant, s.VersionID, deployment.Setback{Reason: seen.why, Attempts: seen.attempts, RetryAt: seen.retryAt})
		return err
	case seen.is == starting && s.Status != api.DeploymentStarting:
		return h.deployments.Begin(ctx, s.Tenant, s.VersionID)
	case seen.is == waiting && seen.why != "":
		return h.deployments.Request(ctx, s.Tenant, s.VersionID, seen.why)
	default:
		return nil
	}
}

// ready reports a version as ready, unless its deployment says so already.
func (h *Host) ready(ctx context.Context, s deployment.Spec, seen state) error {
	if s.Status == api.DeploymentReady {
		return nil
	}
	return h.deployments.Ready(ctx, s.Tenant, s.VersionID, seen.endpoint, seen.phases)
}

// idle reports a version as scaled to zero, and before that as ready if nobody has seen that. It does nothing if its deployment says so already.
func (h *Host) idle(ctx context.Context, s deployment.Spec, seen state) error {
	if s.Status == api.DeploymentIdle {
		return nil
	}
	if err := h.ready(ctx, s, seen); err != nil {
		return err
	}
	return h.deployments.Idle(ctx, s.Tenant, s.VersionID)
}

// giveUp deletes the service of a version that cannot start, and then reports the failure. If the process ends in between, the version is started
// and given up again.
func (h *Host) giveUp(ctx context.Context, s deployment.Spec, service *v1beta1.InferenceService, seen state) error {
	h.log.WarnContext(ctx, "a model did not start", "version", s.Version, "reason", seen.why)
	if err := h.removeSeen(ctx, service); err != nil {
		return err
	}
	if seen.exceeded != "" {
		h.deployments.Exceeded(seen.exceeded)
	}
	if seen.damaged {
		if err := h.deployments.Damaged(ctx, s.Tenant, s.VersionID, seen.why); err != nil {
			return err
		}
	}
	return h.deployments.Failed(ctx, s.Tenant, s.VersionID, seen.why)
}

// beginAnew deletes the service of a version that did not start in its time, and reports a setback, so that it is started again after a pause.
func (h *Host) beginAnew(ctx context.Context, s deployment.Spec, service *v1beta1.InferenceService, why string) error {
	h.log.WarnContext(ctx, "a model did not start in its time, and is started anew", "version", s.Version, "reason", why)
	if err := h.removeSeen(ctx, service); err != nil {
		return err
	}
	_, err := h.deployments.Retry(ctx, s.Tenant, s.VersionID, deployment.Setback{Reason: why})
	return err
}

// removeSeen deletes an InferenceService in the state in which it was read. It fails if the service has changed since;
// a service that does not exist is no error.
func (h *Host) removeSeen(ctx context.Context, service *v1beta1.InferenceService) error {
	seen := metav1.Preconditions{UID: &service.UID, ResourceVersion: &service.ResourceVersion}
	return h.remove(ctx, service.Name, metav1.DeleteOptions{Preconditions: &seen})
}

// remove deletes the InferenceService with the name, which is gone only once its pods are. One that does not exist is no error.
func (h *Host) remove(ctx context.Context, service string, options metav1.DeleteOptions) error {
	policy := metav1.DeletePropagationForeground
	options.PropagationPolicy = &policy
	err := h.services.Delete(ctx, service, options)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return away(err)
}
