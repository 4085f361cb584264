package inference_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

// asleep makes acme/adder's version 2.0.0, whose deployment is pending, and returns what Resolve answers for it.
func (w *world) asleep() *maasv1.ResolveResponse {
	route := w.Ready("adder", "2.0.0", "")
	w.Change(route, func(r *maasv1.ResolveResponse) { r.Status = "pending" })
	return route
}

func TestACallWaitsForItsVersionToStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	route := w.asleep()
	go func() { // ends by itself
		eventually(t, func() bool { return w.Resolved.Load() > 1 })
		w.Change(route, func(r *maasv1.ResolveResponse) { r.Status, r.Endpoint = "ready", w.model.URL })
	}()

	answer := w.ask(path, question).want(t, http.StatusOK)

	if ms, _ := strconv.Atoi(answer.Header.Get("X-Cold-Start-Ms")); ms < 40 || answer.y(t) != "[2 3]" {
		t.Errorf("cold start of %d ms", ms)
	}
}

func TestACallWaitsForAStartNoLongerThanItPrefers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.asleep()
	for name, header := range map[string][2]string{
		"deadline": {"X-Request-Timeout", "200"},
		"prefer":   {"Prefer", "respond-async, wait=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			answer := w.ask(path, question, header[0], header[1]).want(t, http.StatusServiceUnavailable)
			if answer.Header.Get("Retry-After") == "" || !strings.Contains(string(answer.body), "starting") || time.Since(began) > 5*time.Second {
				t.Errorf("after %s: %s %v", time.Since(began), answer.body, answer.Header)
			}
		})
	}
}

func TestCallsOfADeterministicVersionWaitForItsStartInTheirOwnTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	route := w.asleep()
	w.Change(route, func(r *maasv1.ResolveResponse) { r.Deterministic = true })
	patient := make(chan reply, 1)
	go func() { // ends when the version has started
		time.Sleep(200 * time.Millisecond)
		answer, _ := w.try(t.Context(), path, question)
		patient <- answer
	}()

	for header, value := range map[string]string{"X-Request-Timeout": "1000", "Prefer": "wait=1"} {
		answer := w.ask(path, question, header, value).want(t, http.StatusServiceUnavailable)
		if answer.Header.Get("Retry-After") == "" || !strings.Contains(string(answer.body), "starting") {
			t.Errorf("%s: %s %v", header, answer.body, answer.Header)
		}
	}
	w.Change(route, func(r *maasv1.ResolveResponse) { r.Status, r.Endpoint = "ready", w.model.URL })

	answer := (<-patient).want(t, http.StatusOK)
	if ms, _ := strconv.Atoi(answer.Header.Get("X-Cold-Start-Ms")); ms < 40 || answer.Header.Get("X-Cache") != "miss" {
		t.Errorf("cold start of %d ms, X-Cache %s", ms, answer.Header.Get("X-Cache"))
	}
}

func TestACallOfAVersionScaledToZeroWaitsNoLongerThanItPrefers(t *testing.T) {
	t.Parallel()
	for name, deterministic := range map[string]bool{"each runs": false, "identical calls share a run": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Change(w.Ready("adder", "1.0.0", w.model.URL), func(r *maasv1.ResolveResponse) { r.Status, r.Deterministic = "idle", deterministic })
			release := w.model.hold() // it answers nobody, neither calls nor whether it is ready, as an activator does until it has started
			patient := make(chan reply, 1)
			go func() { // ends with the hold
				answer, _ := w.try(t.Context(), path, question)
				patient <- answer
			}()
			began := time.Now()

			answer := w.ask(path, question, "Prefer", "wait=1").want(t, http.StatusServiceUnavailable)

			if took := time.Since(began); took < time.Second || took > 10*time.Second {
				t.Errorf("it waited for %s", took)
			}
			if answer.Header.Get("Retry-After") == "" || !strings.Contains(string(answer.body), "starting") {
				t.Errorf("the answer is %s %v", answer.body, answer.Header)
			}
			release()
			if got := (<-patient).want(t, http.StatusOK).y(t); got != "[2 3]" {
				t.Errorf("who waits longer gets %s", got)
			}
		})
	}
}

func TestACallThatRunsIsNotCutOffByWhatItPrefersToWaitForAStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.model.do(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			time.Sleep(1500 * time.Millisecond)
			return false
		}
		return true // it is ready
	})

	if got := w.ask(path, question, "Prefer", "wait=1").want(t, http.StatusOK).y(t); got != "[2 3]" {
		t.Errorf("the answer is %s", got)
	}
}

func TestAVersionThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Change(w.asleep(), func(r *maasv1.ResolveResponse) { r.Status, r.Reason = "failed", "no ONNX model among the files" })

	answer := w.ask(path, question).want(t, http.StatusServiceUnavailable)

	if !strings.Contains(string(answer.body), "no ONNX model among the files") {
		t.Errorf("the answer is %s", answer.body)
	}
}

func TestACallComesAgainWhenTheStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Change(w.asleep(), func(r *maasv1.ResolveResponse) {
		r.Status, r.Reason, r.Failure, r.RetryAt = "starting", "the disk is full", "passing", timestamppb.New(time.Now().Add(30*time.Second))
	})

	answer := w.ask(path, question).want(t, http.StatusServiceUnavailable)

	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 30 || !strings.Contains(string(answer.body), "the disk is full") {
		t.Errorf("the answer is %s, %v", answer.body, answer.Header)
	}
}

func TestAnActivatorsWaitIsToldAsAColdStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-Cold-Start-Ms", "1234")
		return false
	})

	if ms := w.ask(path, question).want(t, http.StatusOK).Header.Get("X-Cold-Start-Ms"); ms != "1234" {
		t.Errorf("cold start of %s ms", ms)
	}
}

func TestAServerThatIsYoungerThanItsCallHasStartedForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for age, most := range map[string]int{"50": 1000, "60000": 0, "-1": 0, "soon": 0} {
		w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
			time.Sleep(150 * time.Millisecond)
			w.Header().Set("X-Ready-Ms", age)
			return false
		})
		ms, _ := strconv.Atoi(w.ask(path, question).want(t, http.StatusOK).Header.Get("X-Cold-Start-Ms"))
		if least := min(most, 100); ms < least || ms > most {
			t.Errorf("ready for %s ms: a cold start of %d ms, want %d to %d", age, ms, least, most)
		}
	}
}

func TestADeprecatedVersionSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Change(w.Ready("adder", "1.0.0", w.model.URL), func(r *maasv1.ResolveResponse) {
		r.Deprecation = &maasv1.Deprecation{Reason: "2.0.0 is better", Since: sunset, Sunset: sunset}
	})

	answer := w.ask(path, question).want(t, http.StatusOK)

	if answer.Header.Get("Deprecation") != "@1798761600" || answer.Header.Get("Sunset") != "Fri, 01 Jan 2027 00:00:00 GMT" {
		t.Errorf("the headers are %v", answer.Header)
	}
}
