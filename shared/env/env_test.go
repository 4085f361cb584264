package env_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/mounttest"
)

func newEnv(vars map[string]string) *env.Env { return env.New("test", vars, slog.Default()) }

func TestConfigLeavesOtherProgramsFilesAlone(t *testing.T) {
	t.Parallel()
	var config struct {
		Key string `env:"KEY" envDefault:"unset"`
	}
	if err := newEnv(map[string]string{"TF_CLI_CONFIG_FILE": "/does/not/exist"}).Config(&config); err != nil {
		t.Fatal(err)
	}
	if config.Key != "unset" {
		t.Errorf("Key = %q", config.Key)
	}
}

func TestConfigReadsASecretFromItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Key  string `env:"KEY"`
		Size int    `env:"SIZE" envDefault:"7"`
	}
	if err := newEnv(map[string]string{"KEY_FILE": file}).Config(&config); err != nil {
		t.Fatal(err)
	}
	if config.Key != "s3cret" || config.Size != 7 {
		t.Errorf("config is %+v", config)
	}
}

func TestSecretIsReadAgainEachTime(t *testing.T) {
	t.Parallel()
	mount := mounttest.New(t, map[string]string{"key": "one"})
	e := newEnv(map[string]string{"KEY_FILE": mount.Path("key")})
	for _, want := range []string{"one", "two"} {
		mount.Replace(map[string]string{"key": want + "\n"})
		if got, err := e.Secret("KEY"); err != nil || got != want {
			t.Errorf("Secret gives %q, %v; want %q", got, err, want)
		}
	}
}

func TestASecretIsReadWhileItIsReplaced(t *testing.T) {
	t.Parallel()
	mount := mounttest.New(t, map[string]string{"key": "secret"})
	e := newEnv(map[string]string{"KEY_FILE": mount.Path("key")})
	done := make(chan struct{})
	go func() { // ends by itself
		defer close(done)
		for range 500 {
			mount.Replace(map[string]string{"key": "secret"})
		}
	}()
	for {
		if got, err := e.Secret("KEY"); err != nil || got != "secret" {
			t.Errorf("Secret gives %q, %v", got, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

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
