package main

import (
	"context"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/shared/allowance"
)

// limit returns a soft limit of this process.
func limit(t *testing.T, resource int) uint64 {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(resource, &l); err != nil {
		t.Fatal(err)
	}
	return l.Cur
}

func TestTheAddressSpaceOfCUDAHasNoBound(t *testing.T) { //nolint:paralleltest // the limits are the process's
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	if err := boundMemory(config{allowed: allowance.Allowance{Memory: 1 << 40}, device: string(ort.CUDA)}); err != nil {
		t.Fatal(err)
	}
	if got := limit(t, syscall.RLIMIT_DATA); got != unlimited {
		t.Errorf("with cuda the limit of data is %d", got)
	}
	if got := debug.SetMemoryLimit(-1); got != 1<<39 {
		t.Errorf("the Go heap is bounded by %d", got)
	}
	if err := boundMemory(config{allowed: allowance.Allowance{Memory: 1 << 40}, device: string(ort.CPU)}); err != nil {
		t.Fatal(err)
	}
	if got := limit(t, syscall.RLIMIT_DATA); got == unlimited {
		t.Error("with the CPU there is no limit of data")
	}
	if err := setLimit(syscall.RLIMIT_DATA, unlimited); err != nil {
		t.Error(err)
	}
}

func TestTheLimitOfALoadIsLifted(t *testing.T) { //nolint:paralleltest // the limits are the process's
	lift, err := boundLoad(allowance.Allowance{Load: time.Hour}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if limit(t, syscall.RLIMIT_CPU) == unlimited {
		t.Error("the load has no limit")
	}
	if err := lift(); err != nil {
		t.Fatal(err)
	}
	if got := limit(t, syscall.RLIMIT_CPU); got != unlimited {
		t.Errorf("after the load the limit is %d", got)
	}
}

func TestASignalThatComesWhenTheModelIsLoadedEndsNothing(t *testing.T) {
	t.Parallel()
	exceeded := make(chan os.Signal, 1)
	loaded, done := context.WithCancel(t.Context())
	exceeded <- syscall.SIGXCPU
	ended := false
	awaitExcess(loaded, exceeded, func() { ended = true })
	if !ended {
		t.Error("a load goes on beyond its limit")
	}
	done()
	for range 100 { // select takes either channel
		select {
		case exceeded <- syscall.SIGXCPU:
		default:
		}
		awaitExcess(loaded, exceeded, func() { t.Fatal("it ends a server whose model is loaded") })
	}
}
