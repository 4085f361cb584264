package kserve

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	corev1 "k8s.io/api/core/v1"

	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/termination"
)

const (
	// patience is for what may be of a moment: a registry that does not answer, a secret that is on its way.
	patience = time.Minute
	// crashes in a row after which a server is given up: it has never been ready, or it has.
	crashesOfNew, crashesOfServed = 2, 5
)

// failure is what keeps a version from starting.
type failure struct {
	why     string // in words for its publisher; "" for nothing
	kind    kind
	damaged bool // the store does not hold the version as it was published

	exceeded allowance.Limit // what the server needed more of than it is given; "" for nothing

	// Of a setback: how often a container has ended, and when Kubernetes starts it again.
	attempts int
	retryAt  time.Time
}

// kind says what comes of a failure.
type kind int

const (
	final   kind = iota // nothing mends it: the version is given up
	expired             // the time for a start is over, and what was in the way may pass: the start is begun anew after a pause
	setback             // Kubernetes itself tries again, within the time for a start
)

// failure returns what keeps the version from starting; its why is "" if nothing does. For a version that has been ready, only what cannot pass
// counts, since Kubernetes starts its server again and again.
func (s sight) failure() failure {
	if why := s.misfit(); why != "" {
		return failure{why: why}
	}
	pod := s.newest()
	switch {
	case pod == nil:
		return failure{why: s.verdict(), kind: expired}
	case s.firstReady() != nil:
		return failure{}
	}
	var passing failure
	for _, p := range parts {
		found := s.trouble(pod, p)
		if found.why != "" && found.kind == final {
			return found
		}
		if passing.why == "" {
			passing = found
		}
	}
	if why := s.overdue(pod); why != "" {
		return failure{why: why, kind: expired}
	}
	return passing
}

// part is one of the containers of a pod that are a version's.
type part struct {
	container string
	called    string // in a reason
	failed    string // what it did not do, where nobody knows better
	fetches   bool   // it is runtimes/fetch
}

var parts = []part{
	{constants.StorageInitializerContainerName, "fetcher", "its files cannot be fetched", true},
	{constants.InferenceServiceContainerName, "model server", "its model cannot be loaded", false},
}

// misfit returns why KServe itself rejects the version's runtime, "" if it does not. A version that has been ready keeps its pods, so for it the
// result is "".
func (s sight) misfit() string {
	model, info := s.service.Spec.Predictor.Model, s.service.Status.ModelStatus.LastFailureInfo
	if s.served() || s.service.Status.ModelStatus.TransitionStatus != v1beta1.InvalidSpec || info == nil || model == nil || model.Runtime == nil {
		return ""
	}
	switch info.Reason {
	case v1beta1.RuntimeNotRecognized:
		return fmt.Sprintf("the cluster has no runtime %s", *model.Runtime)
	case v1beta1.RuntimeDisabled:
		return fmt.Sprintf("the cluster's runtime %s is disabled", *model.Runtime)
	case v1beta1.NoSupportingRuntime:
		return fmt.Sprintf("the cluster's runtime %s does not serve the format %s", *model.Runtime, model.ModelFormat.Name)
	default:
		return "the cluster's runtime cannot be used: " + sentence(info.Message)
	}
}

// verdict returns why a version has no pod, "" while that may still be normal: its time to start is not over, or it has been ready. Only an image
// that cannot be found is reported earlier.
func (s sight) verdict() string {
	late := s.now.Sub(s.service.CreationTimestamp.Time) >= s.startTime
	why, stands := s.revisionFailure()
	unknown := strings.HasPrefix(why, "Unable to fetch image") && stands >= patience
	switch {
	case s.served():
		return ""
	case why != "" && (late || unknown):
		return "it did not start: " + sentence(why)
	case late:
		return s.late()
	default:
		return ""
	}
}

// revisionFailure returns why Knative's revision failed, and for how long it has said so; "" if it did not fail.
func (s sight) revisionFailure() (why string, stands time.Duration) {
	is := s.service.Status.GetCondition(v1beta1.PredictorConfigurationReady)
	if is == nil || !is.IsFalse() {
		return "", 0
	}
	_, why, ok := strings.Cut(is.Message, "failed with message: ")
	if !ok {
		why = is.Message
	}
	return why, s.now.Sub(is.LastTransitionTime.Inner.Time)
}

// late returns the reason of a version that did not answer in its time.
func (s sight) late() string { return fmt.Sprintf("it did not answer within %s", s.startTime) }

// overdue returns why a version that was never ready has not started in its time, as far as that is known. It is "" before that time is over.
func (s sight) overdue(pod *corev1.Pod) string {
	if s.served() || s.now.Sub(pod.CreationTimestamp.Time) < s.startTime {
		return ""
	}
	if why := unschedulable(pod); why != "" {
		return why
	}
	for _, p := range parts {
		if found := s.unmade(pod, p, container(pod, p.container)); found.why != "" {
			return found.why
		}
		if end := lastEnd(container(pod, p.container)); end != nil && end.ExitCode != 0 {
			return p.failed + ": " + sentence(end.Message)
		}
	}
	return s.late()
}

// trouble returns what is wrong with the part's container, which may be its image, its last end or its memory. Its why is "" if nothing is, or if
// it may still pass.
func (s sight) trouble(pod *corev1.Pod, p part) failure {
	status := container(pod, p.container)
	if found := s.unmade(pod, p, status); found.why != "" {
		return found
	}
	end := lastEnd(status)
	if end == nil || end.ExitCode == 0 {
		return failure{}
	}
	crashes := int(status.RestartCount)
	if status.State.Terminated != nil {
		crashes++ // and is not started again yet
	}
	switch {
	case p.fetches && end.ExitCode == termination.Differs:
		return failure{why: sentence(end.Message), damaged: true}
	case s.served() && (crashes < crashesOfServed || !backingOff(status)): // a pod may have crashes with weeks between them, too
		return failure{}
	case p.fetches && end.ExitCode == termination.Misused:
		return failure{why: sentence(end.Message)}
	case !p.fetches && (end.Reason == "OOMKilled" || end.ExitCode == termination.OutOfMemory):
		return failure{why: s.given(pod, p).Exceeded(allowance.Memory), exceeded: allowance.Memory}
	case !p.fetches && end.ExitCode == termination.OutOfTime:
		return failure{why: s.given(pod, p).Exceeded(allowance.Load), exceeded: allowance.Load}
	case end.Reason == "OOMKilled":
		return failure{why: fmt.Sprintf("its %s needs more memory than the %s that it is given", p.called, limit(pod, p.container))}
	case !p.fetches && (crashes >= crashesOfNew || end.ExitCode == termination.Refused):
		return failure{why: p.failed + ": " + sentence(end.Message)}
	case s.served():
		return failure{}
	default: // a fetch, or a server's first end: it is tried again until the time is over
		return failure{
			why: p.failed + ": " + sentence(end.Message), kind: setback, attempts: max(crashes, 1),
			retryAt: end.FinishedAt.Add(backOff(crashes)),
		}
	}
}

// backOff returns how long Kubernetes waits before it restarts a container after so many crashes in a row: 10 s, doubled with each, up to 5 minutes
// (Kubernetes documentation, "Pod Lifecycle", container restarts).
func backOff(crashes int) time.Duration {
	const first, most = 10 * time.Second, 5 * time.Minute
	pause := first
	for range crashes - 1 {
		if pause *= 2; pause >= most {
			return most
		}
	}
	return pause
}

// backingOff reports whether Kubernetes waits before it restarts the container, because it has crashed several times.
func backingOff(status *corev1.ContainerStatus) bool {
	return status.State.Waiting != nil && status.State.Waiting.Reason == "CrashLoopBackOff"
}

// lastEnd returns how the container ended last, nil if it never has or status is nil.
func lastEnd(status *corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if status == nil {
		return nil
	}
	if status.State.Terminated != nil {
		return status.State.Terminated
	}
	return status.LastTerminationState.Terminated
}

// unmade returns why the part's container cannot be created; its why is "" if it can. Only an invalid image name is final, since Kubernetes retries
// all else.
func (s sight) unmade(pod *corev1.Pod, p part, status *corev1.ContainerStatus) failure {
	if status == nil || status.State.Waiting == nil {
		return failure{}
	}
	w := status.State.Waiting
	soon := s.served() || s.now.Sub(pod.CreationTimestamp.Time) < patience
	switch w.Reason {
	case "InvalidImageName", "ErrImageNeverPull":
		return failure{why: unpulled(status, p)}
	case "ErrImagePull", "ImagePullBackOff":
		if soon {
			return failure{}
		}
		return failure{why: unpulled(status, p), kind: setback, attempts: 1}
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		if soon {
			return failure{}
		}
		return failure{why: fmt.Sprintf("its %s cannot be run: %s", p.called, sentence(w.Message)), kind: setback, attempts: 1}
	default:
		return failure{}
	}
}

// unpulled returns the reason of a container whose image cannot be pulled.
func unpulled(status *corev1.ContainerStatus, p part) string {
	return fmt.Sprintf("the image %s of its %s cannot be pulled: %s", status.Image, p.called, sentence(status.State.Waiting.Message))
}

// unschedulable returns why no node accepts the pod, "" if one does.
func unschedulable(pod *corev1.Pod) string {
	is := condition(pod, corev1.PodScheduled)
	if is == nil || is.Status != corev1.ConditionFalse || is.Reason != corev1.PodReasonUnschedulable {
		return ""
	}
	why, _, _ := strings.Cut(is.Message, ". ") // what follows is of preemption
	return fmt.Sprintf("no node has room for it (%s): %s", asks(pod), sentence(why))
}

// asks returns what the pod's model server requests, for a message: "cpu 64, memory 1Gi".
func asks(pod *corev1.Pod) string {
	var all []string
	for _, c := range pod.Spec.Containers {
		if c.Name != constants.InferenceServiceContainerName {
			continue
		}
		for _, kind := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, gpu} {
			if q, ok := c.Resources.Requests[kind]; ok {
				all = append(all, fmt.Sprintf("%s %s", kind, q.String()))
			}
		}
	}
	return strings.Join(all, ", ")
}

// limit returns the memory limit of the pod's container with the name, for a message; "memory" if it has none.
func limit(pod *corev1.Pod, name string) string {
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range containers {
			if c.Name == name && !c.Resources.Limits.Memory().IsZero() {
				return c.Resources.Limits.Memory().String()
			}
		}
	}
	return "memory"
}

// given returns the version's allowance, with the memory limit that the part's container in the pod really has: it may be of a former rule.
func (s sight) given(pod *corev1.Pod, p part) allowance.Allowance {
	for _, c := range pod.Spec.Containers {
		if memory := c.Resources.Limits.Memory(); c.Name == p.container && !memory.IsZero() {
			s.allowed.Memory = memory.Value()
		}
	}
	return s.allowed
}

// longest is how much of a message is told, in bytes.
const longest = 500

// sentence returns the last line of a program's message, to be part of a reason; of a JSON log line the error. It is at most 500 bytes without
// control characters, and "it gave no reason" if it would be empty.
func sentence(message string) string {
	message = strings.TrimSpace(message)
	line := message[strings.LastIndexByte(message, '\n')+1:]
	var logged struct {
		Error   string `json:"error"`
		Message string `json:"msg"`
	}
	if json.Unmarshal([]byte(line), &logged) == nil {
		line = logged.Error
		if line == "" {
			line = logged.Message
		}
	}
	line = strings.Map(printable, line)
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	if line = strings.TrimRight(line, ". "); line == "" {
		return "it gave no reason"
	}
	return line
}

// printable returns the rune, or a space for a control character or invalid UTF-8.
func printable(r rune) rune {
	if r == utf8.RuneError || unicode.IsControl(r) {
		return ' '
	}
	return r
}
