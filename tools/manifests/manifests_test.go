package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/httpapi"
)

const root = "../.."

// services returns the Services of knative/base.
func services(t *testing.T) map[string]service {
	t.Helper()
	all, err := servicesOf(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestManifestsAndCodeAgree(t *testing.T) {
	t.Parallel()
	for _, generate := range generators() {
		files, err := generate(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range files {
			there, err := os.ReadFile(filepath.Join(root, path))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(there, want) {
				t.Errorf("%s is not what make generate makes", path)
			}
		}
	}
}

func TestEachKustomizationBuilds(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"overlays/local", "overlays/production", "migrate", "namespaces", "runtimes/more"} {
		text, err := build(t.Context(), filepath.Join(root, "knative", folder))
		if err != nil {
			t.Error(err)
		}
		if left := regexp.MustCompile(`.*of[-.]settings.*`).Find(text); left != nil {
			t.Errorf("%s: nothing of its settings is put into %q", folder, left)
		}
	}
}

// TestThoseWhoHashQueueInTheProcessAlone holds Knative's queue, which is first come, first served, off the fair one of shared/identity.
func TestThoseWhoHashQueueInTheProcessAlone(t *testing.T) {
	t.Parallel()
	all := services(t)
	for _, name := range []string{"login", "register", "users"} {
		s, ok := all[name]
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		if n := s.Spec.Template.Spec.ContainerConcurrency; n != 0 {
			t.Errorf("%s has containerConcurrency %d, so that others wait in queue-proxy", name, n)
		}
	}
}

func TestEachFunctionHasAServiceAndNothingElseHas(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	there := services(t)
	for _, entry := range entries {
		if _, ok := there[entry.Name()]; !ok {
			t.Errorf("knative/base has no Service for functions/%s", entry.Name())
		}
		delete(there, entry.Name())
	}
	for name := range there {
		t.Errorf("knative/base has a Service for %s, which is no function", name)
	}
}

func TestAServiceIsNamedForItsFunctionThroughout(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		image := "ko://" + ours + "functions/" + name + "/cmd/" + name
		if got := s.Spec.Template.Spec; got.Containers[0].Image != image || got.ServiceAccountName != name {
			t.Errorf("%s: image %s, service account %s", name, got.Containers[0].Image, got.ServiceAccountName)
		}
	}
}

// TestAServiceWaitsLongerThanItsFunction lets functions answer late requests themselves: with a problem, and not with the proxy's 504.
func TestAServiceWaitsLongerThanItsFunction(t *testing.T) {
	t.Parallel()
	const most = 600 * time.Second // Knative's max-revision-timeout-seconds
	there := services(t)
	for _, route := range httpapi.Routes() {
		limit := time.Duration(there[route.Function].Spec.Template.Spec.TimeoutSeconds) * time.Second
		deadline := max(route.Deadline, time.Minute) // MAAS_REQUEST_TIMEOUT
		if limit > most || limit <= min(deadline, most-time.Second) {
			t.Errorf("%s: %s has %s, its Service %s", route.Pattern, route.Function, deadline, limit)
		}
	}
}

// TestGRPCComesByHTTP2 finds the port that would not let gRPC through, and the one that needlessly does: Services of HTTP/2 are slower to
// scale to zero (knative/serving issue 13028).
func TestGRPCComesByHTTP2(t *testing.T) {
	t.Parallel()
	procedures := map[string]bool{}
	for _, route := range httpapi.Routes() {
		if regexp.MustCompile(`^POST /[\w.]+\.\w+/\w+$`).MatchString(route.Pattern) {
			procedures[route.Function] = true
		}
	}
	for name, s := range services(t) {
		want := "http1"
		if procedures[name] {
			want = "h2c"
		}
		if port := s.Spec.Template.Spec.Containers[0].Ports[0].Name; port != want {
			t.Errorf("%s: the port is named %s, want %s", name, port, want)
		}
	}
}

func TestGoKeepsBelowTheContainersMemory(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		main := s.Spec.Template.Spec.Containers[0]
		i := slices.IndexFunc(main.Env, func(v named) bool { return v.Name == "GOMEMLIMIT" })
		if i < 0 {
			t.Errorf("%s has no GOMEMLIMIT", name)
			continue
		}
		kept, limit := mebibytes(t, main.Env[i].Value), mebibytes(t, main.Resources.Limits["memory"])
		if kept > limit*9/10 || kept < limit*8/10 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB of %d: want 80 to 90 %%, the rest is for what Go does not count", name, kept, limit)
		}
	}
}

func mebibytes(t *testing.T, amount string) int {
	t.Helper()
	scale := 1
	if strings.HasPrefix(strings.TrimLeft(amount, "0123456789"), "G") {
		scale = 1024
	}
	n, err := strconv.Atoi(strings.TrimRight(amount, "GMiB"))
	if err != nil {
		t.Fatal(err)
	}
	return n * scale
}

// TestSweepSleepsBetweenTicks holds that the window after which Knative takes its pod away is shorter than the minute between two ticks.
func TestSweepSleepsBetweenTicks(t *testing.T) {
	t.Parallel()
	window, err := time.ParseDuration(services(t)["sweep"].Spec.Template.Metadata.Annotations["autoscaling.knative.dev/window"])
	if err != nil || window > 30*time.Second {
		t.Errorf("window %s, %v", window, err)
	}
}

// TestSweepsRoundEndsBeforeItsRequest holds that maintenance ends by its own limit, which names the task that took too long, and not by the proxy's.
func TestSweepsRoundEndsBeforeItsRequest(t *testing.T) {
	t.Parallel()
	spec := services(t)["sweep"].Spec.Template.Spec
	for _, one := range spec.Containers[0].Env {
		if one.Name != "MAAS_SWEEP_TIMEOUT" {
			continue
		}
		limit, err := time.ParseDuration(one.Value)
		if request := time.Duration(spec.TimeoutSeconds) * time.Second; err != nil || limit+10*time.Second > request {
			t.Errorf("a round has %s (%v), its request %s", one.Value, err, request)
		}
		return
	}
	t.Error("MAAS_SWEEP_TIMEOUT is not set")
}
