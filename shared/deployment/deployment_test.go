package deployment_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/deployment"
)

// world is a model with which a host is at work.
type world struct {
	*catalogtest.World

	t     *testing.T
	model ref.Model
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := catalogtest.New(t)
	return world{w, t, w.Model("fraud")}
}

func (w world) assertStatus(version uuid.UUID, want api.DeploymentStatus) {
	w.t.Helper()
	got, err := w.Deployments.StatusOf(w.t.Context(), w.Owner.Tenant, version)
	if err != nil || got != want {
		w.t.Errorf("status %s, %v, want %s", got, err, want)
	}
}

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) owner(sql string, arguments ...any) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, arguments...)
		return err
	})
}

func TestAStartIsReportedStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Published(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	w.assertStatus(id, api.DeploymentNone)
	w.must(w.Deployments.Request(ctx, tenant, id, ""))
	w.assertStatus(id, api.DeploymentPending)
	w.must(w.Deployments.Begin(ctx, tenant, id))
	w.assertStatus(id, api.DeploymentStarting)
	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{Fetch: 5}))
	w.assertStatus(id, api.DeploymentReady)
	w.must(w.Deployments.Idle(ctx, tenant, id))
	w.assertStatus(id, api.DeploymentIdle)
	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{}))
	w.assertStatus(id, api.DeploymentReady)
	w.must(w.Deployments.Removed(ctx, tenant, id))
	w.assertStatus(id, api.DeploymentRemoved)
	w.AssertWrote(event.DeploymentReady{}, 1) // waking up is no news
	w.AssertWrote(event.AliasMoved{}, 3)
	if w.Audited(w.Owner, "deployment.ready", "done") != 1 {
		t.Error("the audit log does not say that it is ready")
	}
}

func TestAFailureIsToldOnceAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Published(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	for range 3 {
		w.must(w.Deployments.Failed(ctx, tenant, id, "out of memory"))
	}
	w.AssertWrote(event.DeploymentFailed{}, 1)
	if n := w.Count("select count(*) from audit_entries where action = 'deployment.failed' and why = 'out of memory'"); n != 1 {
		t.Errorf("%d entries of the audit log say why", n)
	}
	w.must(w.Deployments.Begin(ctx, tenant, id))
	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{}))
	w.assertStatus(id, api.DeploymentReady)
	if got := w.Alias(w.model, "latest"); got != "1.0.0" {
		t.Errorf("latest leads to %q", got)
	}
}

func TestWhatAnswersIsTakenOutOnlyWhereItIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Ready(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	w.must(w.Deployments.Begin(ctx, tenant, id))
	w.must(w.Deployments.Request(ctx, tenant, id, "no room"))
	w.must(w.Deployments.Ready(ctx, tenant, id, catalogtest.Endpoint(id), api.StartPhases{Load: 7}))
	w.assertStatus(id, api.DeploymentReady)
	w.AssertWrote(event.DeploymentReady{}, 1) // it was known
	w.must(w.Deployments.Lost(ctx, tenant, id))
	w.assertStatus(id, api.DeploymentPending)
	w.must(w.Deployments.Lost(ctx, tenant, id))
	w.assertStatus(id, api.DeploymentPending)
}

func TestLateReportsDoNotBringBackWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Ready(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	w.must(w.Deployments.Removed(ctx, tenant, id))
	w.must(w.Deployments.Idle(ctx, tenant, id))
	w.must(w.Deployments.Failed(ctx, tenant, id, "killed"))
	w.assertStatus(id, api.DeploymentRemoved)
	_, err := w.Catalog.DeleteModel(ctx, w.Owner, api.DeleteModelRequest{Model: w.model, Force: true})
	w.must(err)
	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{}))
}

func TestLateReportsDoNotBringBackWhatIsRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, ctx, tenant := w.Ready(w.model, "1.0.0"), t.Context(), w.Owner.Tenant
	_, err := w.Catalog.Retire(ctx, w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")})
	w.must(err)
	w.must(w.Deployments.Removed(ctx, tenant, id))
	w.must(w.Deployments.Request(ctx, tenant, id, ""))
	w.must(w.Deployments.Begin(ctx, tenant, id))
	w.must(w.Deployments.Ready(ctx, tenant, id, "http://host/1", api.StartPhases{}))
	w.assertStatus(id, api.DeploymentRemoved)
	w.AssertWrote(event.DeploymentReady{}, 1)
}

func TestAReportThatChangesNothingTellsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.must(w.Deployments.Begin(t.Context(), w.Owner.Tenant, id))
	told := w.Announced.Load()
	w.must(w.Deployments.Begin(t.Context(), w.Owner.Tenant, id))
	w.must(w.Deployments.Request(t.Context(), w.Owner.Tenant, id, ""))
	if w.Announced.Load() != told {
		t.Error("caches were told of nothing")
	}
}

// Each step of the Go table is a step of the database's trigger, and no other.
func TestTheDatabaseKnowsTheSameStateMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Ready(w.model, "1.0.0")
	all := []api.DeploymentStatus{
		api.DeploymentPending, api.DeploymentStarting, api.DeploymentReady, api.DeploymentIdle, api.DeploymentFailed, api.DeploymentRemoved,
	}
	for _, from := range all {
		for _, to := range all {
			w.owner("alter table deployments disable trigger deployments_guard")
			w.owner("update deployments set status = $1, endpoint = 'http://e', reason = 'r'", string(from))
			w.owner("alter table deployments enable trigger deployments_guard")
			var refused error
			w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
				_, refused = conn.Exec(ctx, "update deployments set status = $1 where version_id = $2", string(to), id)
				return nil
			})
			if allowed := refused == nil; allowed != deployment.Follows(from, to) {
				t.Errorf("%s → %s: the database allows it: %v", from, to, allowed)
			}
		}
	}
}

func TestASpecSaysAllThatAHostNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	s, err := w.Deployments.SpecOf(t.Context(), w.Owner.Tenant, id)
	if err != nil || s.Version != "acme/fraud@1.0.0" || s.Model != "acme/fraud" || s.Runtime != "maas-onnx" || s.Format != "onnx" || s.Scale.Max != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if s.Size <= 0 {
		t.Errorf("its files have %d bytes", s.Size)
	}
	draft := w.Draft(w.model, "2.0.0", "model.onnx")
	_, err = w.Deployments.SpecOf(t.Context(), w.Owner.Tenant, draft)
	faulttest.AssertKind(t, err, fault.Gone)
	_, err = w.Deployments.SpecOf(t.Context(), w.Other().Tenant, id)
	faulttest.AssertKind(t, err, fault.NotFound)
}

func TestALargeVersionMayTakeLongerToStart(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]time.Duration{4 << 10: 10 * time.Minute, 1 << 30: 10*time.Minute + 40*time.Second, 100 << 30: 78*time.Minute + 16*time.Second} {
		if got := (deployment.Spec{Size: size}).StartTime(10 * time.Minute); got != want {
			t.Errorf("%d bytes: %s, want %s", size, got, want)
		}
	}
}

func (w world) desired() map[uuid.UUID]bool {
	w.t.Helper()
	all, err := w.Deployments.Desired(w.t.Context())
	w.must(err)
	found := map[uuid.UUID]bool{}
	for _, one := range all {
		found[one.Version] = one.Warm
	}
	return found
}

func (w world) assertDesired(version uuid.UUID, want bool, why string) {
	w.t.Helper()
	if _, got := w.desired()[version]; got != want {
		w.t.Errorf("%s: desired is %v, want %v", why, got, want)
	}
}

func TestWhatShouldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := w.Published(w.model, "0.1.0")
	w.assertDesired(waiting, true, "published and waiting")
	w.must(w.Deployments.Failed(t.Context(), w.Owner.Tenant, waiting, "broken"))
	w.assertDesired(waiting, false, "failed, and nobody asks")
	w.assertDesired(w.Draft(w.model, "9.0.0", "model.onnx"), false, "a draft")

	var all []uuid.UUID
	for _, version := range []string{"1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6"} {
		all = append(all, w.Ready(w.model, version))
	}
	w.assertDesired(all[6], true, "latest")
	w.assertDesired(all[1], true, "the fifth before")
	w.assertDesired(all[0], false, "the sixth before")
	w.must(w.Deployments.Called(t.Context(), w.Owner.Tenant, all[:1], time.Now()))
	w.assertDesired(all[0], true, "called within 7 days")
	w.owner("update deployments set last_called = now() - interval '8 days' where version_id = $1", all[0])
	w.assertDesired(all[0], false, "called long ago")
	if !w.desired()[all[5]] {
		t.Error("what an alias just left is not kept warm")
	}
	w.owner("alter table alias_moves disable trigger alias_moves_append_only")
	w.owner("update alias_moves set moved_at = now() - interval '11 minutes'")
	if w.desired()[all[5]] {
		t.Error("what an alias left long ago is kept warm")
	}
}

// shelf is a host that keeps what it is told in a set.
type shelf struct {
	running map[uuid.UUID]deployment.Spec
	broken  bool
}

func (s *shelf) Start(_ context.Context, spec deployment.Spec) error {
	if s.broken {
		return errors.New("no room")
	}
	s.running[spec.VersionID] = spec
	return nil
}

func (s *shelf) Stop(_ context.Context, version uuid.UUID) error {
	delete(s.running, version)
	return nil
}

func (s *shelf) Running(context.Context) ([]uuid.UUID, error) {
	var all []uuid.UUID
	for version := range s.running {
		all = append(all, version)
	}
	return all, nil
}

func TestReconcilingMakesTheHostRunWhatShouldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.Published(w.model, "1.0.0")
	stray := uuid.New()
	host := &shelf{running: map[uuid.UUID]deployment.Spec{stray: {}}}
	w.must(w.Deployments.Reconcile(t.Context(), host))
	if _, ok := host.running[first]; !ok || len(host.running) != 1 {
		t.Errorf("the host runs %v", host.running)
	}
	w.assertStatus(first, api.DeploymentPending)

	w.Start(first)
	w.Ready(w.model, "1.1.0")
	_, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")})
	w.must(err)
	w.must(w.Deployments.Reconcile(t.Context(), host))
	if _, ok := host.running[first]; ok {
		t.Error("the retired version still runs")
	}
	w.assertStatus(first, api.DeploymentRemoved)
}

func TestAHostThatCannotStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	host := &shelf{running: map[uuid.UUID]deployment.Spec{}, broken: true}
	if w.Deployments.Run(t.Context(), host, id) == nil {
		t.Error("the failure is not told to whoever delivers the event")
	}
	host.broken = false
	w.must(w.Deployments.Run(t.Context(), host, id))
	if host.running[id].Version != "acme/fraud@1.0.0" {
		t.Errorf("the host runs %v", host.running)
	}
}

func TestAFailureOfManyVersionsIsToldShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, version := range []string{"1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4"} {
		w.Published(w.model, version)
	}
	err := w.Deployments.Reconcile(t.Context(), &shelf{broken: true})
	if err == nil || strings.Count(err.Error(), "no room") != 3 || !strings.Contains(err.Error(), "and 2 more") {
		t.Errorf("error is %v", err)
	}
}

func TestAnEventOfOneVersionDoesWhatItsRowsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, tenant := t.Context(), w.Owner.Tenant
	host := &shelf{running: map[uuid.UUID]deployment.Spec{}}
	run := func(version uuid.UUID, want api.DeploymentStatus, runs bool, why string) {
		t.Helper()
		host.running[version] = deployment.Spec{}
		w.must(w.Deployments.Run(ctx, host, version))
		w.assertStatus(version, want)
		if _, ok := host.running[version]; ok != runs {
			t.Errorf("%s: it runs: %v", why, ok)
		}
	}
	id := w.Ready(w.model, "1.0.0")
	run(id, api.DeploymentReady, true, "the target of an alias")
	run(uuid.New(), api.DeploymentNone, false, "a version that is gone")
	run(w.Draft(w.model, "9.0.0", "model.onnx"), api.DeploymentNone, false, "a draft")

	w.must(w.Deployments.Failed(ctx, tenant, id, "out of memory"))
	run(id, api.DeploymentFailed, false, "what has failed")
	w.owner("update versions set wanted_at = clock_timestamp() where id = $1", id)
	run(id, api.DeploymentPending, true, "what is asked for after it has failed")
	if s := host.running[id]; s.Status != api.DeploymentFailed || s.Model != "acme/fraud" {
		t.Errorf("the host was given %+v", s)
	}

	w.must(w.Deployments.Failed(ctx, tenant, id, "out of memory"))
	w.Ready(w.model, "1.1.0")
	_, err := w.Catalog.Retire(ctx, w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")})
	w.must(err)
	run(id, api.DeploymentRemoved, false, "what is retired")
}
