package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/termination"
)

// ownStatus is what Linux tells of a process's memory; there is none elsewhere, and then no bound but the host's.
const ownStatus = "/proc/self/status"

// The causes of the end of a load that took more than it is given, where ONNX Runtime has not failed by itself.
var (
	errOutOfTime   = errors.New("the kernel sent SIGXCPU")
	errOutOfMemory = errors.New("an allocation failed, or would have")
)

// boundMemory limits the process's memory to c.allowed (RLIMIT_DATA), so that an allocation beyond it fails one load or one run. If C code
// aborts for want of memory instead, the process says so as it ends. With CUDA, and on systems other than Linux, it limits the Go heap alone.
// 0 means no limit.
func boundMemory(c config) error {
	a := c.allowed
	if a.Memory == 0 {
		return nil
	}
	debug.SetMemoryLimit(a.Memory / 2) // the Go heap is collected more often from a half on
	if c.device == string(ort.CUDA) {  // a context maps gigabytes of address space that it never touches; the host bounds what it does touch
		return nil
	}
	data, touched, ok := ownMemory()
	if !ok {
		return nil
	}
	// The kernel counts address space, of which Go and the stacks of threads reserve more than they touch: that is given beside the allowance. A
	// sixteenth is left for the Go heap, so that this bound is met before that of the host, which kills. Whether an abort is for want of memory is a
	// guess by how little is left. Go's own heap ends the process with status 2.
	reserved := max(0, data-touched)
	threads := int64(cmp.Or(c.threads, runtime.NumCPU()) + runtime.GOMAXPROCS(0) + fewThreads) // ONNX Runtime waits forever for one that is not made
	bound := uint64(reserved + a.Memory - a.Memory/16 + threads*stackSize())                   //nolint:gosec // none of them is negative
	var log bytes.Buffer                                                                       // its line is written, if at all, much later
	err := tooMuchMemory(a)
	logEnd(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime})), err)
	ort.OnOutOfMemory(ort.LastWords{
		Status: termination.OutOfMemory, Least: a.Memory/16 + stackSize(), Log: log.String(), Path: c.lastWords, Reason: fault.From(err).Message,
	})
	return setLimit(syscall.RLIMIT_DATA, bound)
}

// checkMemory fails if the process takes more than the allowance once its model is loaded, or a sixteenth of it is not left to allocate. ONNX Runtime goes on
// when an allocation fails while it computes a constant, and what is left would then be too little for any run.
func checkMemory(c config) error {
	if c.allowed.Memory == 0 || c.device == string(ort.CUDA) {
		return nil
	}
	data, touched, ok := ownMemory()
	if !ok {
		return nil
	}
	var bound syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &bound); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	needed := uint64(data + c.allowed.Memory/16) //nolint:gosec // neither is negative
	if touched > c.allowed.Memory || needed > bound.Cur {
		return tooMuchMemory(c.allowed)
	}
	return nil
}

// tooMuchMemory returns the Unprocessable error for a model that needs more memory than allowed.
func tooMuchMemory(a allowance.Allowance) error {
	return fault.New(fault.Unprocessable, a.Exceeded(allowance.Memory), fault.Cause(errOutOfMemory))
}

// fewThreads are those that the Go runtime and a server start, whatever the number of cores.
const fewThreads = 8

// stackSize returns the bytes that the C library reserves for a thread's stack.
func stackSize() int64 {
	const usual = 8 << 20
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &l); err != nil || l.Cur > 1<<30 {
		return usual
	}
	return int64(l.Cur)
}

// ownMemory returns the bytes of address space that this process has for data, and how many of them it has touched. ok is false on systems
// other than Linux.
func ownMemory() (data, touched int64, ok bool) {
	text, err := os.ReadFile(ownStatus)
	if err != nil {
		return 0, 0, false
	}
	return kilobytes(text, "VmData:"), kilobytes(text, "RssAnon:"), true
}

// kilobytes returns the value of a line of /proc/PID/status in bytes, though it is written in kB. name is the line's beginning, such as
// "VmData:". It returns 0 if there is no such line.
func kilobytes(status []byte, name string) int64 {
	_, rest, _ := strings.Cut("\n"+string(status), "\n"+name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// boundLoad calls end with an Unprocessable error when the process has used a.Load more CPU time, until lift is called; a signal after that
// does nothing. The kernel counts (RLIMIT_CPU, SIGXCPU), in whole seconds: nothing else ends ONNX Runtime's optimizers. With a.Load 0 there is
// no limit.
func boundLoad(a allowance.Allowance, end func(error)) (lift func() error, err error) {
	if a.Load == 0 {
		return func() error { return nil }, nil
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return nil, fmt.Errorf("CPU time: %w", err)
	}
	exceeded := make(chan os.Signal, 1)
	signal.Notify(exceeded, syscall.SIGXCPU)
	loaded, done := context.WithCancel(context.Background())
	go awaitExcess(loaded, exceeded, func() { // ends with lift, or with the process
		end(fault.New(fault.Unprocessable, a.Exceeded(allowance.Load), fault.Cause(errOutOfTime)))
	})
	spent := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	bound := (spent + a.Load + time.Second - 1) / time.Second // the kernel counts whole seconds
	lift = func() error {
		err := setLimit(syscall.RLIMIT_CPU, unlimited)
		done()
		signal.Stop(exceeded)
		return err
	}
	return lift, setLimit(syscall.RLIMIT_CPU, uint64(bound)) //nolint:gosec // it is positive
}

// awaitExcess waits for the signal and calls end, or returns without that when loaded ends first.
func awaitExcess(loaded context.Context, exceeded <-chan os.Signal, end func()) {
	select {
	case <-exceeded:
		if loaded.Err() == nil {
			end()
		}
	case <-loaded.Done():
	}
}

// folded returns the most bytes that one constant may have which ONNX Runtime computes while it loads the model: four times the size of the
// folder's files, and 64 MiB at least. More would let a small file hide a large one.
func folded(folder string) int64 {
	const least, factor = 64 << 20, 4
	var size int64
	_ = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not loaded
		}
		if about, err := os.Stat(path); err == nil && about.Mode().IsRegular() { // through links, of which mounted volumes are full
			size += about.Size()
		}
		return nil
	})
	return max(least, factor*size)
}

// unlimited is RLIM_INFINITY of Linux; setLimit lowers it to the hard limit, which other systems count by.
const unlimited = ^uint64(0)

// setLimit sets the soft limit of a resource to bound, or to the hard limit if that is lower.
func setLimit(resource int, bound uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(resource, &l); err != nil {
		return fmt.Errorf("resource limit %d: %w", resource, err)
	}
	l.Cur = min(bound, l.Max)
	if err := syscall.Setrlimit(resource, &l); err != nil {
		return fmt.Errorf("resource limit %d: %w", resource, err)
	}
	return nil
}

// status returns the exit status for an error: OutOfTime, OutOfMemory, Refused for any other Unprocessable, and 1 for all else.
func status(err error) int {
	switch {
	case errors.Is(err, errOutOfTime):
		return termination.OutOfTime
	case errors.Is(err, errOutOfMemory), ort.OutOfMemory(err):
		return termination.OutOfMemory
	case fault.Is(err, fault.Unprocessable):
		return termination.Refused
	default:
		return 1
	}
}
