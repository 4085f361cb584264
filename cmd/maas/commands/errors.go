package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/fault"
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

// Unwrap returns the mistake.
func (e usageError) Unwrap() error { return e.error }

// misuse marks err as a usage error. It returns nil for nil.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// Usage marks an error of cobra in flags as a usage error. It returns nil for nil.
func Usage(err error) error { return misuse(err) }

// Status returns the exit status of an error: 0 for nil, 2 for a usage error, and otherwise the one of its kind (the constants above).
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

// problem is an error in the output for programs.
type problem struct {
	Error struct {
		Kind   fault.Kind         `json:"kind"`
		Detail string             `json:"detail"`
		Errors []fault.FieldError `json:"errors,omitempty"`
		Status int                `json:"status"` // of the exit
	} `json:"error"`
}

// Report writes an error for who runs the command: a line of text, or with --output json a line of JSON. cmd is the command that failed.
func Report(w io.Writer, cmd *cobra.Command, arguments []string, err error) {
	if !wantsJSON(cmd, arguments) {
		fmt.Fprintln(w, "maas:", Explain(err))
		return
	}
	var p problem
	p.Error.Kind, p.Error.Detail, p.Error.Status = fault.KindOf(err), Explain(err), Status(err)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		p.Error.Detail, p.Error.Errors = e.Message, e.Fields
	} else if p.Error.Status == statusUsage {
		p.Error.Kind = fault.Invalid
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(p) //nolint:errchkjson // who does not read stderr is not told
}

// wantsJSON reports whether the command was given --output json. It also looks through the arguments, since an error in another flag may have
// kept cobra from reading it.
func wantsJSON(cmd *cobra.Command, arguments []string) bool {
	flag := cmd.Flags().Lookup("output")
	if flag == nil || flag.Changed {
		return flag != nil && flag.Value.String() == "json"
	}
	for i, argument := range arguments {
		if argument == "--output=json" || argument == "--output" && i+1 < len(arguments) && arguments[i+1] == "json" {
			return true
		}
	}
	return false
}

// Explain returns one line for the user: what is wrong, and with which fields. Characters that a terminal would obey are escaped. err must not
// be nil.
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
