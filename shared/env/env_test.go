package env_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/env"
)

func newEnv(vars map[string]string) *env.Env { return env.New("test", vars, slog.Default()) }

func TestOnceIsSharedByViewsAndClosedInReverse(t *testing.T) {
	t.Parallel()
	e := newEnv(nil)
	var closed []string
	open := func(key string) func(context.Context) (string, func(context.Context) error, error) {
		return func(context.Context) (string, func(context.Context) error, error) {
			return key, func(context.Context) error { closed = append(closed, key); return nil }, nil
		}
	}
	for _, key := range []string{"a", "b", "a"} {
		if got, err := env.Once(e.For(key), key, open(key)); err != nil || got != key {
			t.Fatalf("Once gives %q, %v", got, err)
		}
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(closed, []string{"b", "a"}) {
		t.Errorf("closed in the order %v", closed)
	}
}

func TestOnceTriesAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(nil)
	var calls int
	open := func(context.Context) (int, func(context.Context) error, error) {
		calls++
		if calls == 1 {
			return 0, nil, errors.New("away")
		}
		return calls, nil, nil
	}
	if _, err := env.Once(e, "x", open); err == nil {
		t.Fatal("the first failure is swallowed")
	}
	if got, err := env.Once(e, "x", open); err != nil || got != 2 {
		t.Errorf("Once gives %d, %v", got, err)
	}
}

func TestCloseEndsAndAwaitsBackgroundWork(t *testing.T) {
	t.Parallel()
	e := newEnv(nil)
	var ended atomic.Bool
	e.Go(func(ctx context.Context) { <-ctx.Done(); ended.Store(true) })
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("Close returned before the work ended")
	}
}

func TestAProcessIsReadyOnceNothingHoldsIt(t *testing.T) {
	t.Parallel()
	e := newEnv(nil)
	first, second := e.Hold(), e.For("other").Hold()
	first()
	first()
	if e.Ready() {
		t.Error("it is ready while it is held")
	}
	time.AfterFunc(10*time.Millisecond, second)
	if err := e.AwaitReady(t.Context()); err != nil || !e.Ready() || !e.For("other").Ready() {
		t.Errorf("it is not ready, and nothing holds it: %v", err)
	}
	e.Hold()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := e.AwaitReady(short); err == nil || e.Ready() {
		t.Error("it is ready while it is held again")
	}
}
