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

// New returns a Supervisor that works in the background: it reconciles once a minute and stops idle runtimes. It removes sockets that a former
// process left. Close ends it.
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

// Activator returns the handler that answers calls of versions at /d/<version id>/v2/…, and starts a version's runtime if it does not run.
func (s *Supervisor) Activator() http.Handler { return newActivator(s.pool, s.log) }

// Close cancels the starts, stops all runtimes, and records in the database what became of them. When ctx ends they are killed. The next
// process takes over what is ready then.
func (s *Supervisor) Close(ctx context.Context) {
	s.pool.close(ctx)
	s.cancel()
	s.work.Wait()
	s.pool.tellAll(ctx)
}

// reconcile makes this machine run what the database says, at once and then every minute, and removes files that are not needed. It returns
// when ctx ends; errors are logged.
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

// Start implements deployment.Host. A version that has served before starts with its next call; one that has not is started now, or at its
// RetryAt. A version whose runtime this machine lacks is recorded as failed.
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

// begun cancels the version's retry, if one is set.
func (s *Supervisor) begun(version uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.retries, version)
}

// remember stores the spec of a version that may run, and reports whether the version was known before.
func (s *Supervisor) remember(spec deployment.Spec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.specs[spec.VersionID]
	s.specs[spec.VersionID] = spec
	return known
}

// adopt records in the database that a version which a former process ran is idle, and is reached at this process's activator.
func (s *Supervisor) adopt(ctx context.Context, spec deployment.Spec) error {
	return errors.Join(
		s.deployments.Idle(ctx, spec.Tenant, spec.VersionID),
		s.deployments.Moved(ctx, spec.Tenant, spec.VersionID, s.endpointOf(spec.VersionID)),
	)
}

// startTime returns how long a start of the version may take: 5 minutes, and more for a large one.
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

// Stop implements deployment.Host. It forgets the version and stops its runtime as pool.remove does. It never fails.
func (s *Supervisor) Stop(ctx context.Context, version uuid.UUID) error {
	s.mu.Lock()
	delete(s.specs, version)
	delete(s.retries, version)
	s.mu.Unlock()
	s.pool.remove(ctx, version)
	return nil
}

// Running implements deployment.Host. It returns the versions that may run here, whether or not their runtimes do.
func (s *Supervisor) Running(context.Context) ([]uuid.UUID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]uuid.UUID, 0, len(s.specs))
	for version := range s.specs {
		all = append(all, version)
	}
	return all, nil
}

// spec returns the spec of a version, and false if the version is not to run here.
func (s *Supervisor) spec(version uuid.UUID) (deployment.Spec, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, ok := s.specs[version]
	return spec, ok
}

// keep reports whether the version's runtime stays while nobody calls it.
func (s *Supervisor) keep(version uuid.UUID) bool {
	spec, ok := s.spec(version)
	return ok && (spec.Warm || spec.Scale.Min > 0)
}

// endpointOf returns the URL at which the supervisor serves a version, whether or not its runtime is running.
func (s *Supervisor) endpointOf(version uuid.UUID) string {
	return s.endpoint + prefix + version.String()
}

// await returns the spec of a called version. If the version is not known it waits for the first reconciliation, and then fails with
// errAbsent. It returns ctx's error if ctx ends first.
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

// changed records in the database what became of a runtime, within reportTime, also when ctx has ended. If that fails, which is logged, a
// failed start is tried again after unwrittenRetry; the next reconciliation finds the rest.
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

// report writes a change of the version's runtime to the database. It also counts a limit that the runtime exceeded.
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

// reportFailure records a start that failed: as failed if the files are damaged or the cause is lasting, else with the time of the next try,
// which it schedules.
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
