package kserve

import (
	"slices"
	"time"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	corev1 "k8s.io/api/core/v1"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/allowance"
)

// sight is what can be seen of a version.
type sight struct {
	service *v1beta1.InferenceService
	pods    []corev1.Pod // those that are not on their way out
	now     time.Time
	serves  bool // its row says that it has been ready, and callers are sent to it

	startTime time.Duration // the longest that a start may take
	allowed   allowance.Allowance
}

// outlook is how far a version is.
type outlook int

const (
	waiting  outlook = iota // for KServe to make its pod, or for a node that has room
	starting                // its files are fetched, its server starts
	ready                   // answers
	idle                    // has no pod that is ready; the next call makes one
	broken                  // cannot start, for certain
	hindered                // did not start in its time, for a reason that may pass
)

// state is what a sight says.
type state struct {
	is       outlook
	why      string          // with broken, and where it is known what it waits for
	damaged  bool            // with broken: the store does not hold the version as it was published
	exceeded allowance.Limit // with broken: what its server needed more of than it is given; else ""
	endpoint string          // with ready and idle
	phases   api.StartPhases

	attempts int       // of one that is starting, and failed before
	retryAt  time.Time // when Kubernetes tries again; zero if that is not known
}

// state returns the state of the version that follows from its service and its pods.
func (s sight) state() state {
	failed := s.failure()
	switch {
	case failed.why != "" && failed.kind == final:
		return state{is: broken, why: failed.why, damaged: failed.damaged, exceeded: failed.exceeded}
	case failed.why != "" && failed.kind == expired:
		return state{is: hindered, why: failed.why}
	}
	if endpoint := s.endpoint(); s.answers() && endpoint != "" {
		if first := s.firstReady(); first != nil {
			return state{is: ready, endpoint: endpoint, phases: phases(first)}
		}
		return state{is: idle, endpoint: endpoint}
	}
	pod := s.newest()
	if pod == nil {
		return state{is: waiting}
	}
	if why := unschedulable(pod); why != "" {
		return state{is: waiting, why: why}
	}
	if scheduled := condition(pod, corev1.PodScheduled); scheduled == nil || scheduled.Status != corev1.ConditionTrue {
		return state{is: waiting}
	}
	return state{is: starting, why: failed.why, attempts: failed.attempts, retryAt: failed.retryAt}
}

// answers reports whether KServe says that the version's server is ready, also if it is scaled to zero.
func (s sight) answers() bool { return s.service.Status.IsConditionReady(v1beta1.PredictorReady) }

// served reports whether the version has been ready, by its deployment or by KServe.
func (s sight) served() bool { return s.serves || s.answers() }

// endpoint returns the URL of the version's server within the cluster, "" if it is not known yet. With Knative it is the predictor's, since the
// InferenceService's own is a name that only Istio serves.
func (s sight) endpoint() string {
	address := s.service.Status.Address
	if s.service.Annotations[constants.DeploymentMode] == string(Knative) {
		address = s.service.Status.Components[v1beta1.PredictorComponent].Address
	}
	if address == nil || address.URL == nil {
		return ""
	}
	return address.URL.String()
}

// newest returns the pod that was created last, nil if there is none.
func (s sight) newest() *corev1.Pod {
	if len(s.pods) == 0 {
		return nil
	}
	pod := slices.MaxFunc(s.pods, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return &pod
}

// firstReady returns the pod that has been ready for longest, nil if none is ready.
func (s sight) firstReady() (first *corev1.Pod) {
	for _, pod := range s.pods {
		is := condition(&pod, corev1.PodReady)
		if is == nil || is.Status != corev1.ConditionTrue {
			continue
		}
		if first == nil || is.LastTransitionTime.Before(&condition(first, corev1.PodReady).LastTransitionTime) {
			first = &pod
		}
	}
	return first
}

// living returns the pods that are not being deleted. It changes the slice.
func living(pods []corev1.Pod) []corev1.Pod {
	return slices.DeleteFunc(pods, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

// condition returns the pod's condition of the kind, nil if it has none.
func condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// container returns the status of the pod's container or init container with the name, nil if there is none yet.
func container(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if statuses[i].Name == name {
				return &statuses[i]
			}
		}
	}
	return nil
}

// phases returns how long the parts of a pod's start took, to the second: until its first container ran, for its files, and until it answered. They
// are zero if the pod is not ready.
func phases(pod *corev1.Pod) (p api.StartPhases) {
	server := container(pod, constants.InferenceServiceContainerName)
	answered := condition(pod, corev1.PodReady)
	if server == nil || server.State.Running == nil || answered == nil {
		return p
	}
	begun, loading := pod.CreationTimestamp.Time, server.State.Running.StartedAt.Time
	first := loading
	if fetch := container(pod, constants.StorageInitializerContainerName); fetch != nil && fetch.State.Terminated != nil {
		first = fetch.State.Terminated.StartedAt.Time
		p.Fetch = between(first, fetch.State.Terminated.FinishedAt.Time)
	}
	p.Schedule = between(begun, first)
	p.Load = between(loading, answered.LastTransitionTime.Time)
	return p
}

// between returns the milliseconds from one time to the other, 0 if to is earlier.
func between(from, to time.Time) int64 { return max(0, to.Sub(from).Milliseconds()) }
