package localruntime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/confine"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/objects"
)

// Supervisor is the deployment.Host of one machine.
type Supervisor struct {
	deployments *deployment.Deployments
	store       *objects.Store
	programs    Programs
	rule        deployment.AllowanceRule
	folder      string // holds the versions' files, by digest
	sockets     string // of the runtimes
	endpoint    string // of the activator
	log         *slog.Logger

	pool   *pool
	fetch  singleflight.Group // by digest: versions may share their files
	disk   sync.RWMutex       // held for reading while files are fetched, for writing while they are removed
	cancel context.CancelFunc
	work   sync.WaitGroup

	reconciled chan struct{} // closed once specs has what the database says: until then a version that is not in it may be one

	mu      sync.Mutex
	specs   map[uuid.UUID]deployment.Spec // what may run
	retries map[uuid.UUID]time.Time       // when what failed for a passing reason is tried again
}

// Options say what a Supervisor works with. All are needed.
type Options struct {
	Deployments *deployment.Deployments
	Store       *objects.Store
	Programs    Programs
	Allowance   deployment.AllowanceRule
	Folder      string        // for the versions' files; absolute
	Sockets     string        // folder for the runtimes' sockets, this user's alone; absolute
	Endpoint    string        // the URL at which Activator answers
	IdleAfter   time.Duration // without a call, a runtime is stopped
	Log         *slog.Logger
}

const (
	startTime      = 5 * time.Minute // for the start of a small version, the fetch of its files included
	reconcileEvery = time.Minute
	reportTime     = 30 * time.Second // for writing down one change
	unwrittenRetry = 10 * time.Second // until what failed to start is tried again where the failure could not be written down
)

// New returns a Supervisor. Close ends it.
func New(o Options) *Supervisor {
	s := &Supervisor{
		deployments: o.Deployments, store: o.Store, programs: o.Programs, rule: o.Allowance, folder: o.Folder, sockets: o.Sockets, endpoint: o.Endpoint, log: o.Log,
		specs: map[uuid.UUID]deployment.Spec{}, retries: map[uuid.UUID]time.Time{}, reconciled: make(chan struct{}),
	}
	life, end := context.WithCancel(context.Background())
	s.pool = &pool{
		confiner: confine.New(o.Log),
		prepare:  s.prepare, changed: s.changed, keep: s.keep, idleAfter: o.IdleAfter, startTime: s.startTime, log: o.Log, life: life, end: end,
		all: map[uuid.UUID]*instance{}, falls: map[uuid.UUID]fall{}, news: make(chan struct{}, 1),
	}
	if err := clearSockets(o.Sockets); err != nil {
		o.Log.Warn("sockets of a former process were not removed", "error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.work.Go(func() { s.pool.reap(ctx) }) // these three end with Close
	s.work.Go(func() { s.pool.tell(ctx) })
	s.work.Go(func() { s.reconcile(ctx) })
	return s
}

// Activator answers calls of versions at /d/<version id>/v2/…, starting what does not run.
func (s *Supervisor) Activator() http.Handler { return newActivator(s.pool, s.log) }

// Close ends the starts, stops all runtimes and writes down what became of them before. The next process adopts what is ready then.
func (s *Supervisor) Close(ctx context.Context) {
	s.pool.close(ctx)
	s.cancel()
	s.work.Wait()
	s.pool.tellAll(ctx)
}

// reconcile makes this machine run what should run: at the start, and from time to time.
func (s *Supervisor) reconcile(ctx context.Context) {
	clock := time.NewTicker(reconcileEvery)
	defer clock.Stop()
	known := sync.OnceFunc(func() { close(s.reconciled) })
	for {
		err := s.deployments.Reconcile(ctx, s)
		switch {
		case err == nil:
			known()
			s.tidy()
		case ctx.Err() == nil:
			s.log.WarnContext(ctx, "not all deployments could be reconciled; the next round tries again", "error", err)
		}
		select {
		case <-clock.C:
		case <-ctx.Done():
			return
		}
	}
}

// Start implements deployment.Host. A version that has served before, here or under a former process, starts with its next call; one
// that never has is started now, to see that it does.
func (s *Supervisor) Start(ctx context.Context, spec deployment.Spec) error {
	if _, ok := s.programs[spec.Runtime]; !ok {
		return s.deployments.Failed(ctx, spec.Tenant, spec.VersionID, fmt.Sprintf("this machine has no runtime %s", spec.Runtime))
	}
	known := s.remember(spec)
	status, err := s.deployments.StatusOf(ctx, spec.Tenant, spec.VersionID)
	if err != nil {
		return err
	}
	if status.Serves() && !known {
		if err := s.adopt(ctx, spec); err != nil {
			return err
		}
	}
	switch {
	case status.Serves() && !s.keep(spec.VersionID):
	case spec.Waits() && !status.Serves():
		s.retryAt(spec.VersionID, spec.RetryAt)
	default:
		s.launch(spec.VersionID)
	}
	return nil
}

// retryAt launches the version at the time, unless it is launched or stopped before, or a later retryAt replaces this
// one.
func (s *Supervisor) retryAt(version uuid.UUID, at time.Time) {
	s.mu.Lock()
	known := s.retries[version].Equal(at)
	s.retries[version] = at
	s.mu.Unlock()
	if known {
		return
	}
	s.work.Go(func() { // ends at the time, or with the pool
		if backoff.Sleep(s.pool.life, time.Until(at)) != nil {
			return
		}
		s.mu.Lock()
		due := s.retries[version].Equal(at)
		s.mu.Unlock()
		if due {
			s.launch(version)
		}
	})
}

// begun cancels the next attempt of a version, which is being started or should not run.
func (s *Supervisor) begun(version uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.retries, version)
}

// remember reports whether the version was known before.
func (s *Supervisor) remember(spec deployment.Spec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.specs[spec.VersionID]
	s.specs[spec.VersionID] = spec
	return known
}

// adopt takes over a version that a former process ran: it is idle, behind this process's activator.
func (s *Supervisor) adopt(ctx context.Context, spec deployment.Spec) error {
	return errors.Join(
		s.deployments.Idle(ctx, spec.Tenant, spec.VersionID),
		s.deployments.Moved(ctx, spec.Tenant, spec.VersionID, s.endpointOf(spec.VersionID)),
	)
}

func (s *Supervisor) startTime(version uuid.UUID) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.specs[version].StartTime(startTime)
}

// launch starts the version's runtime in the background unless it runs. A failure to start is not returned; the pool
// records it.
func (s *Supervisor) launch(version uuid.UUID) {
	s.work.Go(func() { // bounded by startTime
		_, release, err := s.pool.acquire(context.Background(), version)
		if err == nil {
			release()
		}
	})
}

// Stop implements deployment.Host.
func (s *Supervisor) Stop(ctx context.Context, version uuid.UUID) error {
	s.mu.Lock()
	delete(s.specs, version)
	delete(s.retries, version)
	s.mu.Unlock()
	s.pool.remove(ctx, version)
	return nil
}

// Running implements deployment.Host.
func (s *Supervisor) Running(context.Context) ([]uuid.UUID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]uuid.UUID, 0, len(s.specs))
	for version := range s.specs {
		all = append(all, version)
	}
	return all, nil
}

func (s *Supervisor) spec(version uuid.UUID) (deployment.Spec, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, ok := s.specs[version]
	return spec, ok
}

// keep reports whether the version stays without calls.
func (s *Supervisor) keep(version uuid.UUID) bool {
	spec, ok := s.spec(version)
	return ok && (spec.Warm || spec.Scale.Min > 0)
}

// endpointOf returns the URL at which the supervisor serves a version, whether or not its runtime is running.
func (s *Supervisor) endpointOf(version uuid.UUID) string {
	return s.endpoint + prefix + version.String()
}

// await returns what a call's version is. After a restart calls may come before the database was asked for what runs here.
func (s *Supervisor) await(ctx context.Context, version uuid.UUID) (deployment.Spec, error) {
	if spec, ok := s.spec(version); ok {
		return spec, nil
	}
	select {
	case <-s.reconciled:
	case <-ctx.Done():
		return deployment.Spec{}, ctx.Err()
	}
	if spec, ok := s.spec(version); ok {
		return spec, nil
	}
	return deployment.Spec{}, errAbsent
}

// changed writes down what became of a runtime. What cannot be written is found by the next reconciliation; a start that failed is tried again
// before that.
func (s *Supervisor) changed(ctx context.Context, c change) {
	spec, ok := s.spec(c.version)
	if !ok {
		return // stopped meanwhile
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer cancel()
	if err := s.report(ctx, spec, c); err != nil {
		s.log.WarnContext(ctx, "the state of a deployment was not written down", "version", spec.Version, "error", err)
		if c.state == failed {
			s.retryAt(c.version, time.Now().Add(unwrittenRetry))
		}
	}
}

func (s *Supervisor) report(ctx context.Context, spec deployment.Spec, c change) error {
	if e, ok := errors.AsType[excess](c.err); ok {
		s.deployments.Exceeded(e.limit)
	}
	switch c.state {
	case starting:
		s.begun(c.version)
		status, err := s.deployments.StatusOf(ctx, spec.Tenant, spec.VersionID)
		if err != nil || status.Serves() { // it wakes; its callers are told to wait by the activator itself
			return err
		}
		return s.deployments.Begin(ctx, spec.Tenant, spec.VersionID)
	case ready:
		phases := api.StartPhases{Fetch: c.fetch.Milliseconds(), Load: c.load.Milliseconds()}
		return s.deployments.Ready(ctx, spec.Tenant, spec.VersionID, s.endpointOf(spec.VersionID), phases)
	case failed:
		return s.reportFailure(ctx, spec, c.err)
	default:
		return s.deployments.Idle(ctx, spec.Tenant, spec.VersionID)
	}
}

func (s *Supervisor) reportFailure(ctx context.Context, spec deployment.Spec, why error) error {
	s.log.WarnContext(ctx, "a model did not start", "version", spec.Version, "error", why)
	reason := fault.From(why).Message
	damaged := objects.AsDamage(why) != nil
	if damaged {
		if err := s.deployments.Damaged(ctx, spec.Tenant, spec.VersionID, reason); err != nil {
			return err
		}
	}
	if damaged || deployment.Lasting(why) {
		return s.deployments.Failed(ctx, spec.Tenant, spec.VersionID, reason)
	}
	at, err := s.deployments.Retry(ctx, spec.Tenant, spec.VersionID, deployment.Setback{Reason: reason})
	if err == nil && !at.IsZero() {
		s.retryAt(spec.VersionID, at)
	}
	return err
}
