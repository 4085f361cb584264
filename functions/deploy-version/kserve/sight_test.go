package kserve

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	corev1 "k8s.io/api/core/v1"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/termination"
)

// seen returns what a cluster once showed: an InferenceService and its pods, in testdata. It is looked at so long after the InferenceService was made.
func seen(t *testing.T, name string, after time.Duration) sight {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Service *v1beta1.InferenceService
		Pods    []corev1.Pod
	}
	if err := json.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	return sight{service: shown.Service, pods: shown.Pods, now: shown.Service.CreationTimestamp.Add(after), startTime: 10 * time.Minute}
}

func TestWhatIsSeenOfAVersion(t *testing.T) {
	t.Parallel()
	const knative = "http://v-0193c1d0-0000-7000-8000-000000000001-predictor.maas-models.svc.cluster.local"
	cases := []struct {
		name  string
		after time.Duration
		is    outlook
		why   string // is in it
	}{
		{"made", time.Second, waiting, ""},
		{"starting", 5 * time.Second, starting, ""},
		{"starting", 11 * time.Minute, hindered, "it did not answer within 10m0s"},
		{"ready", 10 * time.Second, ready, ""},
		{"waking", time.Hour, idle, ""},
		{"idle", time.Hour, idle, ""},
		{"standard", 10 * time.Second, ready, ""},

		{"no-runtime", time.Second, broken, "the cluster has no runtime maas-nope"},
		{"no-room", 10 * time.Second, waiting, "no node has room for it (cpu 64, memory 1Gi, nvidia.com/gpu 1): 0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu"},
		{"no-room", 11 * time.Minute, hindered, "no node has room for it (cpu 64, memory 1Gi, nvidia.com/gpu 1)"},
		{"no-image-yet", 10 * time.Second, starting, ""},
		{"no-image", 11 * time.Minute, hindered, "the image localhost:5000/maas/nope:latest of its model server cannot be pulled"},
		{"no-image", 76 * time.Second, starting, "the image localhost:5000/maas/nope:latest of its model server cannot be pulled: Back-off"},
		{"made", 11 * time.Minute, hindered, "it did not answer within 10m0s"},
		{"webhook-away", 5 * time.Minute, waiting, ""},
		{"webhook-away", 11 * time.Minute, hindered, "it did not start: Internal error occurred: failed calling webhook"},
		{"unresolved-image", 10 * time.Second, waiting, ""},
		{"unresolved-image", 90 * time.Second, hindered, `it did not start: Unable to fetch image "registry.invalid/nope:latest"`},

		{"differs", 10 * time.Second, broken, `The bytes of "model.onnx" hash to ab and should hash to cd`},
		{"store-away", 5 * time.Minute, starting, "its files cannot be fetched: the store does not answer"},
		{"store-away", 11 * time.Minute, hindered, "its files cannot be fetched: the store does not answer"},
		{"crashed-once", 10 * time.Second, starting, "its model cannot be loaded"},
		{"not-a-model", 20 * time.Second, broken, "its model cannot be loaded: there is no ONNX model in /mnt/models"},
		{"memory", 20 * time.Second, broken, "it needed more memory than the 8 MiB that its model server is given"},
	}
	for _, c := range cases {
		got := seen(t, c.name, c.after).state()
		if got.is != c.is || !strings.Contains(got.why, c.why) || c.why == "" && got.why != "" {
			t.Errorf("%s after %s: %+v, want %d %q", c.name, c.after, got, c.is, c.why)
		}
		if serves := c.is == ready || c.is == idle; serves && !strings.HasSuffix(got.endpoint, "-predictor.maas-models.svc.cluster.local") {
			t.Errorf("%s: the endpoint is %q", c.name, got.endpoint)
		}
	}
	if got := seen(t, "ready", time.Minute).state(); got.endpoint != knative || got.phases != (api.StartPhases{Schedule: 1000, Fetch: 2000, Load: 1000}) {
		t.Errorf("%+v", got)
	}
}

// What has been ready is started again by Kubernetes, and its pods come and go with the calls.
func TestWhatHasBeenReadyIsGivenUpOnlyForGood(t *testing.T) {
	t.Parallel()
	cases := map[string]outlook{
		"differs":    broken,
		"no-runtime": waiting, "store-away": starting, "not-a-model": starting, "memory": starting, "no-image": starting, "no-room": waiting, "unresolved-image": waiting,
	}
	for name, want := range cases {
		s := seen(t, name, time.Hour)
		s.serves = true
		if got := s.state(); got.is != want {
			t.Errorf("%s: %+v, want %d", name, got, want)
		}
	}

	s := seen(t, "not-a-model", time.Hour)
	s.serves = true
	server := container(&s.pods[0], "kserve-container")
	server.RestartCount = 7
	if got := s.state(); got.is != starting {
		t.Errorf("crashed now and then: %+v", got)
	}
	server.LastTerminationState.Terminated = lastEnd(server)
	server.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	if got := s.state(); got.is != broken || !strings.HasPrefix(got.why, "its model cannot be loaded: ") {
		t.Errorf("crashes over and over: %+v", got)
	}
	s.pods = append(s.pods, seen(t, "ready", 0).pods...)
	if got := s.state(); got.is == broken {
		t.Errorf("another replica answers: %+v", got)
	}
}

func TestWhatCannotBeRunSaysWhy(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason, message, why string
		after                time.Duration
	}{
		{"InvalidImageName", `couldn't parse image name "x y"`, "the image localhost:5000/maas/nope:latest of its model server cannot be pulled: couldn't parse", 0},
		{"CreateContainerConfigError", `secret "maas-store" not found`, `its model server cannot be run: secret "maas-store" not found`, 2 * time.Minute},
		{"CreateContainerConfigError", `secret "maas-store" not found`, "", 2 * time.Second},
		{"PodInitializing", "", "", 2 * time.Minute},
	}
	for _, c := range cases {
		s := seen(t, "no-image", c.after)
		container(&s.pods[0], "kserve-container").State.Waiting = &corev1.ContainerStateWaiting{Reason: c.reason, Message: c.message}
		if got := s.state().why; !strings.HasPrefix(got, c.why) || c.why == "" && got != "" {
			t.Errorf("%s after %s: %q, want %q", c.reason, c.after, got, c.why)
		}
	}
}

func TestAFetcherThatIsNotConfiguredFailsWhatNeverStarted(t *testing.T) {
	t.Parallel()
	s := seen(t, "differs", 5*time.Second)
	container(&s.pods[0], "storage-initializer").State.Terminated.ExitCode = termination.Misused
	if got := s.state(); got.is != broken {
		t.Errorf("%+v", got)
	}
	s.serves = true
	if got := s.state(); got.is != starting {
		t.Errorf("with a configuration of before it started: %+v", got)
	}
}

func TestTheClustersRuntimesMayNotFit(t *testing.T) {
	t.Parallel()
	for reason, want := range map[v1beta1.FailureReason]string{
		v1beta1.RuntimeDisabled:      "the cluster's runtime maas-nope is disabled",
		v1beta1.NoSupportingRuntime:  "the cluster's runtime maas-nope does not serve the format onnx",
		v1beta1.InvalidPredictorSpec: "the cluster's runtime cannot be used: Waiting for runtime to become available",
	} {
		s := seen(t, "no-runtime", time.Second)
		s.service.Status.ModelStatus.LastFailureInfo.Reason = reason
		if got := s.state().why; got != want {
			t.Errorf("%s: %q, want %q", reason, got, want)
		}
	}
}

func TestAMessageBecomesPartOfASentence(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"": "it gave no reason", "\n\n": "it gave no reason", "{}": "it gave no reason",
		"Out of luck.\n": "Out of luck",
		"Traceback:\n  File x\nValueError: no weights\n":              "ValueError: no weights",
		`{"level":"INFO"}` + "\n" + `{"msg":"stopped","error":"bad"}`: "bad",
		`{"level":"ERROR","msg":"stopped"}`:                           "stopped",
		"a\tb\x00c\xff":                                               "a b c ",
		strings.Repeat("é", 300):                                      strings.Repeat("é", 250) + "…",
	} {
		if got := sentence(message); got != strings.TrimRight(want, " ") {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}
