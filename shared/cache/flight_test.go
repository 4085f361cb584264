package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/cache"
)

func TestWorkEndsWhenNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	var f cache.Flights[int]
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with the work
		<-begun
		cancel()
	}()

	_, _, err := f.Do(ctx, "x", func(ctx context.Context) (int, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return 0, ctx.Err()
	})

	if err == nil {
		t.Error("the call did not end with its context")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the work goes on")
	}
}

func TestOneThatGoesAwayDoesNotEndTheWorkOfOthers(t *testing.T) {
	t.Parallel()
	var f cache.Flights[int]
	first, cancel := context.WithCancel(t.Context())
	begun, finish, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { // ends with cancel
		_, _, _ = f.Do(first, "x", func(ctx context.Context) (int, error) {
			close(begun)
			select {
			case <-finish:
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
		close(gone)
	}()
	<-begun
	answer := make(chan int, 1)
	go func() { // ends with the work
		n, joined, _ := f.Do(t.Context(), "x", func(context.Context) (int, error) { return 8, nil })
		if !joined {
			n = -1
		}
		answer <- n
	}()
	time.Sleep(20 * time.Millisecond) // for the second to have joined
	cancel()
	<-gone
	close(finish)

	if n := <-answer; n != 7 {
		t.Errorf("the other gets %d", n)
	}
}

func TestWhoLeavesEarlyGetsWhatTheWorkHasReported(t *testing.T) {
	t.Parallel()
	var f cache.Flights[int]
	begun, finish := make(chan struct{}), make(chan struct{})
	first := make(chan int, 1)
	work := func(_ context.Context, report func(int)) (int, error) {
		report(1)
		report(2)
		close(begun)
		<-finish
		return 3, nil
	}
	go func() { // ends with the work
		n, _, _ := f.DoReporting(t.Context(), "x", work)
		first <- n
	}()
	<-begun
	gone, cancel := context.WithCancel(t.Context())
	cancel()

	n, joined, err := f.DoReporting(gone, "x", work)

	if n != 2 || !joined || !errors.Is(err, context.Canceled) {
		t.Errorf("it gets %d, %v, %v", n, joined, err)
	}
	close(finish)
	if n := <-first; n != 3 {
		t.Errorf("who waits gets %d", n)
	}
}

func TestAPanicIsAFailureOfThoseWhoWait(t *testing.T) {
	t.Parallel()
	var f cache.Flights[int]
	_, _, err := f.Do(t.Context(), "x", func(context.Context) (int, error) { panic("no") })
	if err == nil || !strings.Contains(err.Error(), "panic: no") {
		t.Errorf("the error is %v", err)
	}
}

func TestWhoComesAfterAChangeDoesNotShareAReadFromBeforeIt(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "", &truth{value: 7})
	read, release := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context) (cache.Loaded[int], error) {
		old, err := p.truth.load(ctx)
		close(read)
		<-release
		return old, err
	}
	first := make(chan int, 1)
	go func() { // ends when it is released
		n, _ := p.Get(t.Context(), key, slow)
		first <- n
	}()
	<-read
	p.change(8)
	go func() { // ends by itself
		time.Sleep(50 * time.Millisecond) // for the second to have joined
		close(release)
	}()

	if n := p.get(); n != 8 {
		t.Errorf("it is %d", n)
	}
	if n := <-first; n != 7 {
		t.Errorf("who came before the change has %d", n)
	}
}
