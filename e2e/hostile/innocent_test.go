package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// calmCalls are made before the attack, and at least as many beside it.
	calmCalls = 50
	// harmless is a p99 that counts as unharmed whatever it was before: a busy machine of two cores, which runs the attack as well, is as slow by itself.
	harmless = 1500 * time.Millisecond
	// longestAttack bounds an attack that does not end by itself.
	longestAttack = 10 * time.Second
)

// unharmed has an innocent caller make calls one after the other, first alone and then for as long as the attack runs, whose context ends after
// longestAttack at most. No call may fail, and the p99 beside the attack may be twice that without, or harmless.
func unharmed(t *testing.T, call func(context.Context) error, attack func(context.Context)) {
	t.Helper()
	calm := calls(t, call, func(n int) bool { return n < calmCalls })
	ctx, cancel := context.WithTimeout(t.Context(), longestAttack)
	defer cancel()
	var attacker sync.WaitGroup
	attacker.Go(func() {
		defer cancel()
		attack(ctx)
	})
	beside := calls(t, call, func(n int) bool { return n < calmCalls || ctx.Err() == nil })
	attacker.Wait()
	before, after := p99(calm), p99(beside)
	t.Logf("the innocent caller's p99 is %s without the attack (%d calls) and %s beside it (%d calls)", before, len(calm), after, len(beside))
	if after > max(2*before, harmless) {
		t.Errorf("the innocent caller's p99 went from %s to %s", before, after)
	}
}

// calls makes calls while more says so, and returns how long each took.
func calls(t *testing.T, call func(context.Context) error, more func(n int) bool) (took []time.Duration) {
	t.Helper()
	for more(len(took)) {
		began := time.Now()
		if err := call(t.Context()); err != nil {
			t.Fatalf("call %d of the innocent caller: %v", len(took)+1, err)
		}
		took = append(took, time.Since(began))
	}
	return took
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[(len(took)*99-1)/100].Round(10 * time.Microsecond)
}

// inferring returns a caller of a model of its own, of a tenant of its own, whose answers are not kept ones.
func inferring(t *testing.T, u *e2etest.User) func(context.Context) error {
	t.Helper()
	path, site, question := u.Publish("innocent", "digits.onnx"), u.Site(), e2etest.Content(t, "digits-request.json")
	call := func(ctx context.Context) error {
		answer, err := site.Call(ctx, path, bytes.NewReader(question), 0)
		return answered(answer, err)
	}
	e2etest.Must(t, call(t.Context())) // it has started
	return call
}

// getting returns a caller that reads a resource.
func getting(site e2etest.Site, path string) func(context.Context) error { //nolint:unused // not on a cluster
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+path, http.NoBody)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+site.Token)
		answer, err := site.Client.Do(request)
		return answered(answer, err)
	}
}

// answered reads an answer, and fails unless it is a whole 200.
func answered(answer *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer is %s: %s", answer.Status, text)
	}
	return err
}

// withinMemory runs what may make a host of this machine grow, and fails if its process came to hold more than so many bytes above what it held before.
// On a cluster there is no process to look at, and the container's limit ends one that grows.
func withinMemory(t *testing.T, host interface {
	Memory(t testing.TB) e2etest.Memory
}, most int64, act func()) {
	t.Helper()
	before := host.Memory(t)
	act()
	after := host.Memory(t)
	if before.Now == 0 {
		return
	}
	const mib = 1 << 20
	t.Logf("the process held %d MiB before, %d MiB at most and %d MiB after", before.Now/mib, after.Peak/mib, after.Now/mib)
	if grown := after.Peak - before.Now; grown > most {
		t.Errorf("the process grew by %d MiB, where %d are allowed", grown/mib, most/mib)
	}
}
