package localruntime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/termination"
)

// serverFailure returns the error for a model server that ended before it was ready: Unprocessable if it refused the model, crashed on it, or
// used up its time for loading, and Unavailable for what may pass. words is the last error that it logged. The end of ctx is returned as it
// is; memory is the caller's to check before (outOfMemory).
func serverFailure(m model, words string, err error) error {
	words = m.withoutPaths(words)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return err
		}
		return fault.New(fault.Unavailable, "its model server cannot be run", fault.Cause(err))
	}
	kind := fault.Unavailable
	switch signal := signalOf(exit); {
	case exit.ExitCode() == termination.OutOfTime:
		return exceeded(m.allowed, allowance.Load, err)
	case exit.ExitCode() == termination.Refused: // 2 is also how a Go program ends that panics, or finds no memory
		kind = fault.Unprocessable
	case signal == syscall.SIGKILL, signal == syscall.SIGTERM: // somebody else ended it: the kernel for want of memory, or an operator
		words = fmt.Sprintf("its model server was ended by the signal %q", signal)
	case signal != 0:
		kind, words = fault.Unprocessable, fmt.Sprintf("its model server crashed with the signal %q", signal)
	}
	return fault.New(kind, cmp.Or(words, "its model server ended with "+exit.Error()), fault.Cause(err))
}

// excess is the cause of the end of a model server that needed more than it is given.
type excess struct {
	error

	limit allowance.Limit
}

// Unwrap returns how the process ended.
func (e excess) Unwrap() error { return e.error }

// exceeded returns an Unprocessable error for a model server that needed more than the limit allows. Its cause is an excess with end.
func exceeded(allowed allowance.Allowance, limit allowance.Limit, end error) error {
	return fault.New(fault.Unprocessable, allowed.Exceeded(limit), fault.Cause(excess{end, limit}))
}

// signalOf returns the signal that ended a process, 0 for none.
func signalOf(exit *exec.ExitError) syscall.Signal {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// startFailure returns the error of a start as a fault whose kind says whether another start may succeed (deployment.Lasting). Timeout is for
// a start that took longer than within; what is no fault becomes Unavailable.
func startFailure(err error, within time.Duration) error {
	var known *fault.Error
	switch {
	case errors.As(err, &known) && known.Kind != fault.Timeout:
		return err
	case fault.Is(err, fault.Timeout):
		return fault.New(fault.Timeout, fmt.Sprintf("it did not start within %s", within), fault.Cause(err))
	default:
		return fault.New(fault.Unavailable, "its files cannot be prepared: "+fault.From(err).Message, fault.Cause(err))
	}
}
