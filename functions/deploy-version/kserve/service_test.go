package kserve

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/event"
)

// fraud is a version as its row says it.
func fraud() deployment.Spec {
	return deployment.Spec{
		Tenant: uuid.MustParse("0193c1d0-0000-7000-8000-0000000000ff"), VersionID: uuid.MustParse("0193c1d0-0000-7000-8000-000000000001"),
		Version: "acme/fraud@1.4.0", Model: "acme/fraud", Runtime: "maas-onnx", Format: "onnx",
		Manifest: "maas://maas/t/0193c1d0-0000-7000-8000-0000000000ff/manifests/" + strings.Repeat("0", 64),
		Scale:    event.Scale{Min: 0, Max: 3}, Resources: json.RawMessage(`{"cpu": "500m", "memory": "1Gi", "gpu": 1}`),
	}
}

func made(t *testing.T, mode Mode, s deployment.Spec) (digest, text string) {
	t.Helper()
	service, err := maker{namespace: "maas-models", mode: mode, concurrency: 8, startTime: 10 * time.Minute}.service(s)
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
	rows.Warm, rows.Status = true, deployment.Ready
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

func TestWhatAVersionDoesNotSayIsItsRuntimes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ requests, limits string }{
		"":                                     {"", ""},
		`{}`:                                   {"", ""},
		`{"cpu": "2"}`:                         {"cpu=2", "cpu=2"},
		`{"memory": "1.5Gi"}`:                  {"memory=1536Mi", "memory=1536Mi"},
		`{"gpu": 2}`:                           {"nvidia.com/gpu=2", "nvidia.com/gpu=2"},
		`{"cpu": "1", "memory": "", "gpu": 0}`: {"cpu=1", "cpu=1"},
	}
	text := func(list corev1.ResourceList) string {
		var all []string
		for kind, q := range list {
			all = append(all, string(kind)+"="+q.String())
		}
		return strings.Join(all, " ")
	}
	for said, want := range cases {
		got, err := resources(json.RawMessage(said))
		if err != nil || text(got.Requests) != want.requests || text(got.Limits) != want.limits {
			t.Errorf("%s: %v, %v", said, got, err)
		}
	}
	for said, want := range map[string]string{`{"cpu": "lots"}`: "resources", `{"gpu": -1}`: "whole number", `[]`: "resources"} {
		if _, err := resources(json.RawMessage(said)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v", said, err)
		}
	}
}
