package deployment

import (
	"context"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/audit"
)

const (
	firstPause          = time.Second // after the first start that failed for a passing reason; it doubles with each
	defaultLongestPause = time.Minute
)

// Lasting reports whether a start that failed with err would fail each time: the version's files are not what was published, or the model server
// refuses them. All other failures may pass, as of a full disk or an unreachable store.
func Lasting(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unprocessable, fault.NotFound, fault.Invalid, fault.Gone:
		return true
	default:
		return false
	}
}

// Failed records that a version cannot start, or has stopped by itself, for a lasting reason, with an event and an entry in the audit log. It is
// not tried again until it is requested. reason is for the publisher; paths of the host are removed from it. It does nothing for a removed version.
func (d *Deployments) Failed(ctx context.Context, tenant, version uuid.UUID, reason string) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if r.status == api.DeploymentRemoved {
			return nil
		}
		reason, attempts := presentable(reason), r.attempts
		again := r.status == api.DeploymentFailed
		if !again {
			attempts++
		}
		if err := r.through(ctx, api.DeploymentFailed); err != nil {
			return err
		}
		next := state{status: api.DeploymentFailed, reason: reason, failure: api.FailureLasting, attempts: attempts}
		if err := r.put(ctx, next); err != nil || again {
			return err
		}
		if err := audit.RecordWhy(ctx, r.tx, r.who, deploymentFailed, r.name, reason); err != nil {
			return err
		}
		return d.events.Emit(ctx, r.tx, event.DeploymentFailed{Version: r.name, VersionID: api.ID(version), Reason: reason})
	})
}

// Setback is a start that failed for a passing reason.
type Setback struct {
	Reason string // in words for the publisher

	// Where the host itself tries again: how often it has failed, and when it tries next, zero if that is not known. With Attempts 0 it is one more
	// than before, and the pause doubles each time.
	Attempts int
	RetryAt  time.Time
}

// Retry records a start that failed for a passing reason, and returns when the host should try again. The version stays starting. at is zero if the
// host should not try, because the version is not to be served any more, or if b has Attempts but no RetryAt. It must not be called while another
// replica answers.
func (d *Deployments) Retry(ctx context.Context, tenant, version uuid.UUID, b Setback) (at time.Time, err error) {
	err = d.report(ctx, tenant, version, func(r *report) error {
		if !r.served || r.status == api.DeploymentRemoved {
			return nil
		}
		next := state{status: api.DeploymentStarting, reason: presentable(b.Reason), failure: api.FailurePassing, attempts: b.Attempts, retryAt: instant(b.RetryAt)}
		if b.Attempts == 0 {
			next.attempts = r.attempts + 1
			next.retryAt = instant(time.Now().Add(d.pause(next.attempts)))
		}
		at = next.retryAt
		if err := r.through(ctx, api.DeploymentStarting); err != nil {
			return err
		}
		return r.put(ctx, next)
	})
	return at, err
}

// pause returns how long to wait after the given number of failed attempts: a second after the first, doubled with each, up to the longest.
func (d *Deployments) pause(attempts int) time.Duration {
	pause := firstPause
	for range attempts - 1 {
		if pause *= 2; pause >= d.longestPause {
			break
		}
	}
	return min(pause, d.longestPause)
}

// again makes a version that waits for its next attempt pending, because it was requested. It does nothing for one that answers or is not to be
// served.
func (d *Deployments) again(ctx context.Context, tenant, version uuid.UUID) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if !r.served || r.status.Serves() {
			return nil
		}
		if err := r.through(ctx, api.DeploymentPending); err != nil {
			return err
		}
		return r.put(ctx, state{status: api.DeploymentPending})
	})
}

// absolutePath matches a path from the root, after what may stand before one in a sentence.
var absolutePath = regexp.MustCompile(`(^|[\s"'` + "`" + `(=])(?:/[\w.@+~-]+)*/([\w.@+~-]+)`)

// presentable returns a reason fit for the publisher: of each path of the host it keeps the last element, and an empty reason gets a text.
func presentable(reason string) string {
	if reason == "" {
		return "the model server failed and gave no reason"
	}
	return absolutePath.ReplaceAllString(reason, "$1$2")
}
