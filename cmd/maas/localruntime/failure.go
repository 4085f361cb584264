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

// serverFailure classifies the end of a model server that was never ready: Unprocessable where it refuses the model, or its own code crashes on it;
// anything else may pass. That it ran out of memory is found out before (outOfMemory). words is what it said last of an error.
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

// exceeded returns the end of a model server that needed more than it is given, which it will need again.
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

// startFailure returns why a start ended, as a fault of the kind that says whether it may pass (deployment.Lasting). within is how long it might take.
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
