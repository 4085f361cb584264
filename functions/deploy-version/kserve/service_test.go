package kserve

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/deployment"
)

// fraud returns a version as its row says it.
func fraud() deployment.Spec {
	return deployment.Spec{
		Tenant: uuid.MustParse("0193c1d0-0000-7000-8000-0000000000ff"), VersionID: uuid.MustParse("0193c1d0-0000-7000-8000-000000000001"),
		Version: "acme/fraud@1.4.0", Model: "acme/fraud", Runtime: "maas-onnx", Format: "onnx",
		Manifest: "maas://maas/t/0193c1d0-0000-7000-8000-0000000000ff/manifests/" + strings.Repeat("0", 64),
		Scale:    api.Scale{Min: 0, Max: 3}, Resources: json.RawMessage(`{"cpu": "500m", "memory": "1Gi", "gpu": 1}`),
	}
}

// usual is the rule where the operator sets nothing.
var usual = deployment.AllowanceRule{MemoryBase: 2 << 30, MemoryFactor: 4, Load: 30 * time.Second}

func made(t *testing.T, mode Mode, s deployment.Spec) (digest, text string) {
	t.Helper()
	service, err := maker{namespace: "maas-models", mode: mode, concurrency: 8, startTime: 10 * time.Minute, rule: usual}.service(s)
	if err != nil {
		t.Fatal(err)
	}
	digest = service.Annotations[digestAnnotation]
	delete(service.Annotations, digestAnnotation)
	out, err := yaml.Marshal(service)
	if err != nil {
		t.Fatal(err)
	}
	return digest, string(out)
}

func TestAVersionBecomesAnInferenceService(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/inferenceservice.yaml")
	if err != nil {
		t.Fatal(err)
	}
	digest, got := made(t, Knative, fraud())
	if got != string(want) {
		t.Errorf("it is\n%s", got)
	}
	if again, _ := made(t, Knative, fraud()); again != digest || len(digest) != 32 {
		t.Errorf("the same spec has the digests %s and %s", digest, again)
	}
	rows := fraud()
	rows.Warm, rows.Status = true, api.DeploymentReady
	if again, _ := made(t, Knative, rows); again != digest {
		t.Error("what its row says would replace the pods")
	}
}

func TestKnativeGivesUpALargeVersionAfterWeDo(t *testing.T) {
	t.Parallel()
	large := fraud()
	large.Size = 100 << 30
	if _, text := made(t, Knative, large); !strings.Contains(text, "progress-deadline: 1h20m16s") {
		t.Errorf("it is\n%s", text)
	}
}

func TestInStandardModeOneReplicaAlwaysRuns(t *testing.T) {
	t.Parallel()
	_, text := made(t, Standard, fraud())
	for _, want := range []string{"deploymentMode: Standard", "minReplicas: 1", "maxReplicas: 3"} {
		if !strings.Contains(text, want) {
			t.Errorf("it has no %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "scaleTarget") {
		t.Error("an autoscaler of Kubernetes counts no calls")
	}
}

// text writes quantities in the order of their names.
func text(list corev1.ResourceList) string {
	var all []string
	for kind, q := range list {
		all = append(all, string(kind)+"="+q.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestOtherRuntimesKeepTheirMemoryUnlessTheVersionAsksForSome(t *testing.T) {
	t.Parallel()
	rule := usual
	rule.MemoryLargest = 16 << 30
	for said, want := range map[string]struct{ requests, limits string }{
		"":                   {"", ""},
		`{"cpu": "2"}`:       {"cpu=2", "cpu=2"},
		`{"gpu": 1}`:         {"nvidia.com/gpu=1", "nvidia.com/gpu=1"},
		`{"memory": "12Gi"}`: {"memory=12Gi", "memory=12Gi"},
		`{"memory": "99Gi"}`: {"memory=16Gi", "memory=16Gi"},
	} {
		s := fraud()
		s.Runtime, s.Format, s.Resources, s.Size = "kserve-huggingface", "huggingface", json.RawMessage(said), 100<<20
		service, err := maker{rule: rule}.service(s)
		if err != nil {
			t.Errorf("%s: %v", said, err)
			continue
		}
		got := service.Spec.Predictor.Model
		if text(got.Resources.Requests) != want.requests || text(got.Resources.Limits) != want.limits {
			t.Errorf("%s: it requests %s, and its limits are %s", said, text(got.Resources.Requests), text(got.Resources.Limits))
		}
		if len(got.Env) != 0 {
			t.Errorf("%s: it is told %+v", said, got.Env)
		}
	}
}

func TestAServerIsBoundByTheVersionsAllowance(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ requests, limits string }{
		"":                                     {"memory=228Mi", "memory=2448Mi"},
		`{}`:                                   {"memory=228Mi", "memory=2448Mi"},
		`{"cpu": "2"}`:                         {"cpu=2 memory=228Mi", "cpu=2 memory=2448Mi"},
		`{"memory": "1.5Gi"}`:                  {"memory=1536Mi", "memory=1536Mi"},
		`{"gpu": 2}`:                           {"memory=228Mi nvidia.com/gpu=2", "memory=2448Mi nvidia.com/gpu=2"},
		`{"cpu": "1", "memory": "", "gpu": 0}`: {"cpu=1 memory=228Mi", "cpu=1 memory=2448Mi"},
		`{"memory": "70Mi"}`:                   {"memory=70Mi", "memory=70Mi"},
	}
	for said, want := range cases {
		s := fraud()
		s.Resources, s.Size = json.RawMessage(said), 100<<20
		service, err := maker{rule: usual}.service(s)
		if err != nil {
			t.Errorf("%s: %v", said, err)
			continue
		}
		if got := service.Spec.Predictor.Model.Resources; text(got.Requests) != want.requests || text(got.Limits) != want.limits {
			t.Errorf("%s: it requests %s, and its limits are %s", said, text(got.Requests), text(got.Limits))
		}
	}
	for said, want := range map[string]string{`{"cpu": "lots"}`: "resources", `{"gpu": -1}`: "whole number", `[]`: "resources"} {
		s := fraud()
		s.Resources = json.RawMessage(said)
		if _, err := (maker{rule: usual}).service(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v", said, err)
		}
	}
}

func TestTheOperatorsCPUIsALimitAndATenthOfACoreIsRequested(t *testing.T) {
	t.Parallel()
	for request, limit := range map[string]string{"100m": "500m", "50m": "50m"} { // a request beyond the limit would be refused
		rule, s := usual, fraud()
		if err := rule.CPU.UnmarshalText([]byte(limit)); err != nil {
			t.Fatal(err)
		}
		s.Resources = nil
		service, err := maker{rule: rule}.service(s)
		if err != nil {
			t.Fatal(err)
		}
		got := service.Spec.Predictor.Model.Resources
		if got.Requests.Cpu().String() != request || got.Limits.Cpu().String() != limit {
			t.Errorf("the resources are %+v", got)
		}
	}
}
