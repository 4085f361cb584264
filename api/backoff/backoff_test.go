package backoff_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
)

func TestPausesGrowToTheLongest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := backoff.Backoff{First: 200 * time.Millisecond, Longest: 5 * time.Second}
		for round := range 2 {
			want := b.First
			for range 20 {
				began := time.Now()
				if err := b.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < want*3/4 || took > want*5/4 {
					t.Errorf("round %d: a pause of %s, want %s and a quarter more or less", round, took, want)
				}
				want = min(want+want/2, b.Longest)
			}
			b.Reset()
		}
	})
}

func TestPausesGrowByTheFactor(t *testing.T) {
	t.Parallel()
	b := backoff.Backoff{First: time.Second, Longest: time.Minute, Factor: 5}
	for _, want := range []time.Duration{time.Second, 5 * time.Second, 25 * time.Second, time.Minute, time.Minute} {
		if pause := b.Next(); pause < want*3/4 || pause > want*5/4 {
			t.Errorf("a pause of %s, want %s and a quarter more or less", pause, want)
		}
	}
}

// TestALongWaitTakesFewTries counts the looks of a caller that waits for 9 minutes: each 200 ms they would be 2,700.
func TestALongWaitTakesFewTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
		defer cancel()
		b := backoff.Backoff{First: 200 * time.Millisecond, Longest: 5 * time.Second}
		tries := 0
		for b.Wait(ctx) == nil {
			tries++
		}
		if tries > 150 {
			t.Errorf("%d tries", tries)
		}
	})
}

func TestCallersThatBeganTogetherDoNotStayTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ends := map[time.Time]bool{}
		for range 20 {
			began := time.Now()
			b := backoff.Backoff{First: time.Second, Longest: time.Second}
			if err := b.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			ends[time.Time{}.Add(time.Since(began))] = true
		}
		if len(ends) < 10 {
			t.Errorf("20 pauses had %d lengths", len(ends))
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b := backoff.Backoff{First: time.Hour, Longest: time.Hour}
		began := time.Now()
		if err := b.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
