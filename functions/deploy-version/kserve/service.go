package kserve

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/apis/serving"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/deployment"
)

// What an InferenceService says of itself. The annotations are for people, and for the arguments of runtimes, which may name them.
const (
	managerLabel      = "app.kubernetes.io/managed-by"
	manager           = "maas"
	tenantLabel       = "maas.dev/tenant"      // "acme"
	modelAnnotation   = "maas.dev/model"       // "acme/fraud": what its server is asked for
	versionAnnotation = "maas.dev/version"     // "acme/fraud@1.4.0"
	digestAnnotation  = "maas.dev/spec-digest" // of what was asked for: KServe adds to the spec, so that it cannot be compared itself
	gpu               = "nvidia.com/gpu"       // the resource of whole GPUs
)

// callTime is the longest that a call may take: Knative's own bound (max-revision-timeout-seconds), and infer's.
const callTime = 10 * time.Minute

// startMargin is how much later than we Knative gives a start up: it takes the pods away, which know what was the matter.
const startMargin = 2 * time.Minute

// retention is for how long Knative keeps the last pod beyond its window of 60 s: together longer than the minute between the calls that keep
// a version warm (deployment.Warm). A bound on its replicas would keep it, too, but by a new revision, with pods of its own.
const retention = 45 * time.Second

// noBurst takes Knative's activator out of the way of calls while a replica is ready (ADR 43). It still holds the calls that wait for the first one.
const noBurst = "0"

// maker makes InferenceServices.
type maker struct {
	namespace   string
	mode        Mode
	concurrency int32         // calls under way at one replica, above which another is started
	startTime   time.Duration // the longest that the start of a small version may take
	rule        deployment.AllowanceRule
}

// service returns the InferenceService that a version should have. It fails, with a message for the publisher, if the resources that the version
// asks for cannot be parsed.
func (m maker) service(s deployment.Spec) (*v1beta1.InferenceService, error) {
	asked, err := s.Asks()
	if err != nil {
		return nil, err
	}
	allowed, err := m.rule.For(s)
	if err != nil {
		return nil, err
	}
	tenant, _, _ := strings.Cut(s.Model, "/")
	service := &v1beta1.InferenceService{
		ObjectMeta: metav1.ObjectMeta{
			Name: name(s.VersionID), Namespace: m.namespace,
			Labels: map[string]string{
				managerLabel: manager,
				tenantLabel:  tenant,
				// Not to be reached from outside: callers come through infer, which knows who may.
				constants.NetworkVisibility: constants.ClusterLocalVisibility,
				constants.VisibilityLabel:   constants.ClusterLocalVisibility,
			},
			Annotations: map[string]string{
				constants.DeploymentMode:                     string(m.mode),
				serving.ProgressDeadlineAnnotationKey:        (s.StartTime(m.startTime) + startMargin).String(),
				autoscaling.ScaleToZeroPodRetentionPeriodKey: retention.String(),
				autoscaling.TargetBurstCapacityKey:           noBurst,
				modelAnnotation:                              s.Model,
				versionAnnotation:                            s.Version,
			},
		},
		Spec: v1beta1.InferenceServiceSpec{Predictor: v1beta1.PredictorSpec{
			ComponentExtensionSpec: m.scale(s),
			PodSpec:                v1beta1.PodSpec{AutomountServiceAccountToken: new(false), EnableServiceLinks: new(false)},
			Model: &v1beta1.ModelSpec{
				ModelFormat: v1beta1.ModelFormat{Name: s.Format},
				Runtime:     &s.Runtime,
				PredictorExtensionSpec: v1beta1.PredictorExtensionSpec{
					StorageURI:      &s.Manifest,
					ProtocolVersion: new(constants.ProtocolV2),
					Container: corev1.Container{
						Resources:                resources(s, asked, allowed),
						Env:                      environment(s, allowed),
						SecurityContext:          restricted(),
						TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
					},
				},
			},
		}},
	}
	service.Annotations[digestAnnotation], err = digest(service)
	return service, err
}

// scale returns the bounds of the version's replicas, and what they are scaled by. In the mode Standard there is at least one replica, since a call
// could not start the first.
func (m maker) scale(s deployment.Spec) v1beta1.ComponentExtensionSpec {
	least := int32(s.Scale.Min) //nolint:gosec // catalog.Replicas: 0 to 100
	if m.mode == Standard {
		least = max(least, 1) // nothing would start it with a call
	}
	return v1beta1.ComponentExtensionSpec{
		MinReplicas:    &least,
		MaxReplicas:    max(least, int32(s.Scale.Max), 1), //nolint:gosec // as above; 0 would be any number
		ScaleMetric:    m.metric(),
		ScaleTarget:    m.target(),
		TimeoutSeconds: new(int64(callTime.Seconds())),
	}
}

// metric returns what Knative's autoscaler counts: calls under way. It returns nil in the mode Standard, which then scales by CPU.
func (m maker) metric() *v1beta1.ScaleMetric {
	if m.mode == Standard {
		return nil
	}
	return new(v1beta1.MetricConcurrency)
}

// target returns how many calls may be under way at a replica before another is started, nil in the mode Standard.
func (m maker) target() *int32 {
	if m.mode == Standard {
		return nil
	}
	return &m.concurrency
}

// ownRuntime is the runtime whose memory our rule knows. It alone reads its allowance; others, which load a framework or a GPU's libraries, have the
// limits of their ServingRuntime.
const ownRuntime = "maas-onnx"

// What ownRuntime takes beside its files, as knative/runtimes/maas-onnx.yaml has it: bytes, and thousandths of a core.
const usualMemory, usualCPU = 128 << 20, 100

// resources returns the requests and limits of a version's server; KServe takes what is missing from the ServingRuntime. Memory that the version
// asks for is limit and request. If it asks for none, a version of ownRuntime is limited to its allowance and requests about the size of its files,
// and others have the runtime's.
//
// CPU is left to the runtime unless the version or the operator bounds it.
func resources(s deployment.Spec, asked api.Resources, allowed allowance.Allowance) corev1.ResourceRequirements {
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	switch memory := bytes(allowed.Memory); {
	case asked.Memory != "":
		requests[corev1.ResourceMemory], limits[corev1.ResourceMemory] = memory, memory
	case s.Runtime == ownRuntime:
		requests[corev1.ResourceMemory], limits[corev1.ResourceMemory] = bytes(min(allowed.Memory, usualMemory+s.Size)), memory
	}
	if allowed.CPU > 0 {
		cpu := *resource.NewMilliQuantity(allowed.CPU, resource.DecimalSI)
		limits[corev1.ResourceCPU] = cpu
		requests[corev1.ResourceCPU] = *resource.NewMilliQuantity(min(allowed.CPU, usualCPU), resource.DecimalSI)
		if asked.CPU != "" {
			requests[corev1.ResourceCPU] = cpu
		}
	}
	if asked.GPU > 0 {
		q := *resource.NewQuantity(int64(asked.GPU), resource.DecimalSI)
		requests[gpu], limits[gpu] = q, q
	}
	return corev1.ResourceRequirements{Requests: requests, Limits: limits}
}

// bytes returns the number of bytes as a quantity of Kubernetes.
func bytes(n int64) resource.Quantity { return *resource.NewQuantity(n, resource.BinarySI) }

// environment returns the variables that tell a version of ownRuntime its allowance, and nil for other runtimes. CPU is not among them: Go reads it
// from the container's limit.
func environment(s deployment.Spec, allowed allowance.Allowance) []corev1.EnvVar {
	if s.Runtime != ownRuntime {
		return nil
	}
	allowed.CPU = 0
	var all []corev1.EnvVar
	for _, v := range allowed.Variables() {
		all = append(all, corev1.EnvVar{Name: v.Name, Value: v.Value})
	}
	return all
}

// restricted returns the security context that Pod Security's level restricted demands of a container.
func restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		RunAsNonRoot:             new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// digest returns a hash of the service's labels, annotations and spec, by which a change is found. It fails if they cannot be encoded.
func digest(service *v1beta1.InferenceService) (string, error) {
	text, err := json.Marshal(struct {
		Labels, Annotations map[string]string
		Spec                v1beta1.InferenceServiceSpec
	}{service.Labels, service.Annotations, service.Spec})
	if err != nil {
		return "", fmt.Errorf("kserve: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}
