package field

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestEveryAnswerArrivesWhole calls a model that gives back what it is given, with answers of a byte to a MiB.
func TestEveryAnswerArrivesWhole(t *testing.T) {
	t.Parallel()
	calls := 3000
	if the.Stays {
		calls = 300
		t.Log("300 calls of 3,000: others use the host")
	}
	if n := echoes(t, calls, time.Minute); n < calls {
		t.Logf("%d calls of %d: the time was over", n, calls)
	}
}

// BenchmarkEveryAnswerArrivesWhole is the test with 20,000 calls; make bench runs it five times.
func BenchmarkEveryAnswerArrivesWhole(b *testing.B) {
	const calls = 20_000
	for b.Loop() {
		if n := echoes(b, calls, 20*time.Minute); n < calls {
			b.Errorf("%d calls of %d within 20 minutes", n, calls)
		}
	}
	b.ReportMetric(float64(b.N)*calls/b.Elapsed().Seconds(), "calls/s")
}

// echoes calls the model so many times from two clients, small answers as often as large ones, and returns how many calls were made when the time was over.
func echoes(t testing.TB, calls int, limit time.Duration) int {
	t.Helper()
	u := the.Register(t)
	path, s := u.Publish("identity", "identity.onnx"), u.Site()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	ctx, cancel := context.WithTimeout(t.Context(), limit+time.Minute)
	defer cancel()
	const clients = 2
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range clients {
		all.Go(func() { // ends with its calls, the time or a failure
			for range calls / clients {
				if time.Since(began) > limit || t.Failed() {
					return
				}
				size := int(math.Exp2(rand.Float64() * math.Log2(float64(len(content)))))
				if err := echo(ctx, s, path, content[:size]); err != nil {
					t.Errorf("call %d, of %d bytes: %v", done.Load(), size, err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return int(done.Load())
}

// echo calls the model, and expects the text in the answer.
func echo(ctx context.Context, s e2etest.Site, path string, text []byte) error {
	body, header, err := e2etest.EchoRequest(text)
	if err != nil {
		return err
	}
	answer, err := s.Call(ctx, path, bytes.NewReader(body), header)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", answer.Status, got[:min(len(got), 1000)])
	case !bytes.Contains(got, text):
		return fmt.Errorf("the text is not in the answer of %d bytes", len(got))
	}
	return nil
}
