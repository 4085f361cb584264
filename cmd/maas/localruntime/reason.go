package localruntime

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// startRetry is when a caller may come again after a start that failed.
const startRetry = 5 * time.Second

// message returns what a caller is told of a start that failed. An error that would blame the caller, or is no fault, becomes Unavailable with
// a time to wait; errAbsent and errors of a context stay. It says nothing of this machine's files.
func message(err error) error {
	known, ok := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, errAbsent), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !ok:
		return fault.New(fault.Unavailable, "The model does not start because of a fault of the host, whose log says more.",
			fault.Cause(err), fault.RetryAfter(startRetry))
	case known.Kind.Ours():
		return err
	default:
		return fault.New(fault.Unavailable, "The model does not start: "+known.Message, fault.Cause(err), fault.RetryAfter(startRetry))
	}
}

// withoutPaths returns a model server's text with this machine's paths made relative or cut to their last part, so that only the version's own
// files are named.
func (m model) withoutPaths(text string) string {
	pairs := []string{m.folder + "/", "", m.folder, "the version's folder", filepath.Dir(m.program.Path) + "/", ""}
	for _, pair := range m.program.Environment {
		if _, value, _ := strings.Cut(pair, "="); filepath.IsAbs(value) {
			pairs = append(pairs, value, filepath.Base(value))
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
