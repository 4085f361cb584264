package inference_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/cachetest"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

// newDeterministic makes a world in which acme/adder@1.0.0 is deterministic.
func newDeterministic(t testing.TB, vars ...string) *world {
	t.Helper()
	w := newWorld(t, append(vars, "REDIS_URL", cachetest.New(t).URL)...)
	w.Change(w.Ready("adder", "1.0.0", w.model.URL), func(r *maasv1.ResolveResponse) { r.Deterministic = true })
	return w
}

// expect asks, and checks what came of it: X-Cache and the number of runs so far.
func (w *world) expect(cache string, runs int64, headers ...string) {
	w.t.Helper()
	answer := w.ask(path, question, headers...).want(w.t, http.StatusOK)
	if got := answer.Header.Get("X-Cache"); got != cache || w.model.runs.Load() != runs || answer.y(w.t) != "[2 3]" {
		w.t.Errorf("X-Cache is %s, want %s; %d runs, want %d", got, cache, w.model.runs.Load(), runs)
	}
}

func TestADeterministicVersionRunsOnceForTheSameRequest(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.expect("miss", 1)
	w.expect("hit", 1)
	if other := w.ask(path, strings.Replace(question, "[1,2]", "[2,3]", 1)).want(t, http.StatusOK); other.y(t) != "[3 4]" {
		t.Errorf("another request is answered %s", other.body)
	}
}

func TestOtherVersionsRunEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expect("bypass", 1)
	w.expect("bypass", 2)
}

func TestACallerMayAskForARun(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.expect("bypass", 1, "Cache-Control", "no-store")
	w.expect("miss", 2)
	w.expect("bypass", 3, "Cache-Control", "no-cache")
	w.expect("hit", 3)
}

func TestIdenticalCallsAtOnceShareARun(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	release := w.model.hold()
	go func() { // ends by itself
		eventually(t, func() bool { return w.model.runs.Load() == 1 })
		time.Sleep(200 * time.Millisecond) // for all to have arrived
		release()
	}()

	counts := w.together(10)

	if counts[http.StatusOK] != 10 || w.model.runs.Load() != 1 {
		t.Errorf("the answers are %v after %d runs", counts, w.model.runs.Load())
	}
}

func TestASharedRunOutlivesTheCallerWhoBeganIt(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	release := w.model.hold()
	ctx, cancel := contextOf(t)
	first := make(chan struct{})
	go func() { // ends with cancel
		defer close(first)
		_, _ = w.try(ctx, path, question)
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 1 })
	go func() { // ends by itself
		time.Sleep(100 * time.Millisecond) // for the second to have joined
		cancel()
		<-first
		time.Sleep(50 * time.Millisecond)
		release()
	}()

	w.expect("shared", 1)
}

func TestRefusalsAreNotKept(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	wrong := strings.Replace(question, `"x"`, `"z"`, 1)
	w.ask(path, wrong).want(t, http.StatusBadRequest)
	w.ask(path, wrong).want(t, http.StatusBadRequest)
	if n := w.model.runs.Load(); n != 2 {
		t.Errorf("%d runs", n)
	}
}

func TestLongAnswersOfDeterministicVersionsStream(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write(make([]byte, 3<<20))
		return true
	})
	for range 2 {
		if answer := w.ask(path, question).want(t, http.StatusOK); len(answer.body) != 3<<20 || answer.Header.Get("X-Cache") != "bypass" {
			t.Errorf("%d bytes, X-Cache %s", len(answer.body), answer.Header.Get("X-Cache"))
		}
	}
	if n := w.model.runs.Load(); n != 3 {
		t.Errorf("%d runs", n)
	}
}

func TestAKeptAnswerNeedsNoModelServer(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.expect("miss", 1)
	w.model.Close()
	w.expect("hit", 1)
}

func TestAnswersOverGRPCAreKept(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	for _, want := range []string{"miss", "hit"} {
		out := &pb.ModelInferResponse{}
		header, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", ""), out)
		if err != nil || header.Get("x-cache")[0] != want || float32s(out.GetRawOutputContents()[0])[1] != 3 {
			t.Errorf("x-cache is %v, want %s; %v %v", header.Get("x-cache"), want, out, err)
		}
	}
}
