package kserve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// races is how often another may be faster, at making or changing an InferenceService, before whoever asked is told to try again.
const races = 5

// apply makes the InferenceService the wanted one, and returns it. made reports whether it did not exist before. If nothing differs, or the version
// serves and there is no room for another rollout, it changes nothing. It fails with ErrLeaving while a former one is being deleted, and with
// Unavailable if the API server is away.
func (h *Host) apply(
	ctx context.Context, want *v1beta1.InferenceService, status api.DeploymentStatus,
) (service *v1beta1.InferenceService, made bool, err error) {
	for range races {
		service, err = h.services.Get(ctx, want.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			made = true
			if status.Serves() {
				markChanged(want)
			}
			service, err = h.services.Create(ctx, want, metav1.CreateOptions{})
		case err != nil || service.DeletionTimestamp == nil && service.Annotations[digestAnnotation] == want.Annotations[digestAnnotation]:
		default:
			service, err = h.change(ctx, service, want, status)
		}
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
		made = false
	}
	if err == nil && made {
		h.log.InfoContext(ctx, "InferenceService made", "name", want.Name, "version", want.Annotations[versionAnnotation])
	}
	return service, made, away(err)
}

// change changes an InferenceService to the wanted one, and returns it. Labels and annotations that others added stay. If the version serves and
// there is no room for another rollout, it changes nothing. It fails with ErrLeaving if the service is being deleted, or has to be because the
// deployment mode differs.
func (h *Host) change(ctx context.Context, service, want *v1beta1.InferenceService, status api.DeploymentStatus) (*v1beta1.InferenceService, error) {
	if service.DeletionTimestamp != nil {
		return nil, ErrLeaving
	}
	if status.Serves() {
		if may, err := h.mayChange(ctx, service); err != nil || !may {
			return service, err
		}
	}
	if service.Annotations[constants.DeploymentMode] != want.Annotations[constants.DeploymentMode] { // which KServe lets nobody change
		if err := h.remove(ctx, service.Name, metav1.DeleteOptions{}); err != nil {
			return nil, err
		}
		return nil, ErrLeaving
	}
	next := service.DeepCopy()
	next.Spec = want.Spec
	if next.Labels == nil {
		next.Labels = map[string]string{}
	}
	maps.Copy(next.Labels, want.Labels)
	maps.Copy(next.Annotations, want.Annotations)
	if status.Serves() {
		markChanged(next)
	}
	h.log.InfoContext(ctx, "InferenceService changed", "name", want.Name, "version", want.Annotations[versionAnnotation])
	return h.services.Update(ctx, next, metav1.UpdateOptions{})
}

// ErrLeaving is of a version whose former pods are still there. That they are gone is an event.
var ErrLeaving = fault.New(fault.Unavailable, "The version is still being stopped; it can be started in a moment.", fault.RetryAfter(5*time.Second))

// away returns the Unavailable fault of an API server that does not answer, or not now. It wraps other errors, and returns nil for nil.
func away(err error) error {
	if err == nil || fault.Is(err, fault.Unavailable) {
		return err
	}
	switch apierrors.ReasonForError(err) {
	case metav1.StatusReasonUnknown, metav1.StatusReasonServerTimeout, metav1.StatusReasonTimeout, metav1.StatusReasonTooManyRequests,
		metav1.StatusReasonServiceUnavailable, metav1.StatusReasonInternalError, metav1.StatusReasonConflict, metav1.StatusReasonAlreadyExists:
		return fault.New(fault.Unavailable, "The cluster's API does not answer, or not now.", fault.Cause(err))
	default:
		return fmt.Errorf("kserve: %w", err)
	}
}

// refusal returns why the API server, or a webhook, will never accept an object, as a reason for the publisher. It returns "" for any other error,
// and for nil.
func refusal(err error) string {
	said, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return ""
	}
	why := said.ErrStatus.Message
	denied := apierrors.IsForbidden(err) && strings.Contains(why, "denied the request") // what RBAC forbids is no fault of the version's
	if !denied && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		return ""
	}
	return "the cluster refuses it: " + sentence(why)
}
