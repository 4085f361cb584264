package inference_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

var sunset = timestamppb.New(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))

// together asks n times at once, and counts the statuses.
func (w *world) together(n int, headers ...string) map[int]int {
	var (
		mu     sync.Mutex
		counts = map[int]int{}
		all    sync.WaitGroup
	)
	for range n {
		all.Go(func() {
			answer, err := w.try(w.t.Context(), path, question, headers...)
			if err != nil {
				w.t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			counts[answer.StatusCode]++
		})
	}
	all.Wait()
	return counts
}

func TestNoMoreCallsThanAllowedReachAModelAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "3")
	var (
		mu         sync.Mutex
		here, most int
	)
	w.model.do(func(http.ResponseWriter, *http.Request) bool {
		mu.Lock()
		here++
		most = max(most, here)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		here--
		mu.Unlock()
		return false
	})

	counts := w.together(20)

	if counts[http.StatusOK] != 20 || most != 3 {
		t.Errorf("the answers are %v, at most %d were at the model at once", counts, most)
	}
}

func TestWhoFindsTheQueueFullComesAgainLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1", "MAAS_INFER_QUEUE", "8") // a quarter is one credential's
	release := w.model.hold()
	go func() { // ends by itself
		eventually(t, func() bool { return w.model.runs.Load() == 1 })
		time.Sleep(200 * time.Millisecond) // for all to have arrived
		release()
	}()

	counts := w.together(10)

	if counts[http.StatusOK] != 3 || counts[http.StatusTooManyRequests] != 7 {
		t.Errorf("the answers are %v", counts)
	}
}

func TestTheQueueIsWaitedInUpToTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1")
	release := w.model.hold()
	defer release()
	first := make(chan struct{})
	go func() { // ends with the test's context
		defer close(first)
		_, _ = w.try(t.Context(), path, question, "X-Request-Timeout", "2000")
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 1 })

	answer := w.ask(path, question, "X-Request-Timeout", "100").want(t, http.StatusTooManyRequests)

	if answer.Header.Get("Retry-After") == "" || w.model.runs.Load() != 1 {
		t.Errorf("the headers are %v, %d runs", answer.Header, w.model.runs.Load())
	}
	<-first
}

func TestOneModelsQueueIsNotAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1", "MAAS_INFER_QUEUE", "0")
	other := newModelServer(t)
	w.Ready("other", "1.0.0", other.URL)
	release := w.model.hold()
	first := make(chan struct{})
	go func() { // ends when released
		defer close(first)
		_, _ = w.try(t.Context(), path, question)
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 1 })

	w.ask("/v2/models/acme/other/infer", question).want(t, http.StatusOK)

	release()
	<-first
}
