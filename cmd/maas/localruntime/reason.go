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

// message is what callers and publishers are told of a start that failed. It is never the caller's fault, who asked for a model and not for
// its start, and says nothing of this machine's files.
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

// withoutPaths makes the paths that a model server speaks of relative to what its user knows: the files of the version.
func (m model) withoutPaths(text string) string {
	pairs := []string{m.folder + "/", "", m.folder, "the version's folder", filepath.Dir(m.program.Path) + "/", ""}
	for _, pair := range m.program.Environment {
		if _, value, _ := strings.Cut(pair, "="); filepath.IsAbs(value) {
			pairs = append(pairs, value, filepath.Base(value))
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
