package commands

import (
	"errors"
	"strings"

	"github.com/17882237881/MaaS/shared/fault"
)

// The exit statuses.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusSignedOut   = 3 // or not allowed
	statusNotFound    = 4
	statusConflict    = 5
	statusUnavailable = 6 // or timed out
	statusInterrupted = 130
)

// usageError is a mistake in the command line.
type usageError struct{ error }

// Unwrap gives the mistake.
func (e usageError) Unwrap() error { return e.error }

// misuse marks err, unless it is nil, as a mistake in the command line.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// Usage is misuse for cobra's errors in flags.
func Usage(err error) error { return misuse(err) }

// Status gives the exit status of an error; nil has 0.
func Status(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return statusUsage
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.Forbidden:
		return statusSignedOut
	case fault.NotFound, fault.Gone:
		return statusNotFound
	case fault.Conflict, fault.PreconditionFailed:
		return statusConflict
	case fault.Unavailable, fault.Timeout, fault.RateLimited:
		return statusUnavailable
	case fault.Canceled:
		return statusInterrupted
	default:
		return statusFailed
	}
}

// Explain gives the one line that the user reads: what is wrong, and with which input.
func Explain(err error) string {
	e, known := errors.AsType[*fault.Error](err)
	if !known && fault.KindOf(err) == fault.Canceled {
		return "interrupted"
	}
	if !known {
		return safe(err.Error())
	}
	var fields []string
	for _, f := range e.Fields {
		text := f.Field
		if !strings.Contains(e.Message, f.Detail) {
			text += ": " + f.Detail
		}
		fields = append(fields, text)
	}
	text := e.Message
	if len(fields) > 0 {
		text += " (field: " + strings.Join(fields, "; ") + ")"
	}
	return safe(text)
}
