package deployment_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/deployment"
)

const (
	randomModels   = 10
	randomVersions = 12 // of each
)

// random makes models whose versions, aliases and deployments are in states drawn by chance. Times are far from the limits of any rule.
type random struct {
	*rand.Rand
	pgx.Batch
}

func (r *random) exec(sql string, arguments ...any) { r.Queue(sql, arguments...) }

func (r *random) one(of ...string) string { return of[r.IntN(len(of))] }

// ago draws an interval, and nil in every third case.
func (r *random) ago(of ...string) *string {
	if r.IntN(3) == 0 {
		return nil
	}
	drawn := r.one(of...)
	return &drawn
}

func (r *random) traffic() string {
	first := r.IntN(randomVersions)
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf(`[{"version":"1.%d.0","weight":60},{"version":"1.%d.0","weight":40}]`, first, (first+1)%randomVersions)
	default:
		return fmt.Sprintf(`[{"version":"1.%d.0","weight":100}]`, first)
	}
}

func (r *random) model(tenant uuid.UUID, tenantName string, number int) {
	model, name := uuid.New(), fmt.Sprintf("random-%d", number)
	r.exec(`insert into models (id, tenant_id, name, created_by) values ($1, $2, $3, 'test')`, model, tenant, name)
	for minor := range randomVersions {
		r.version(tenant, model, fmt.Sprintf("1.%d.0", minor), minor, fmt.Sprintf("%s/%s@1.%d.0", tenantName, name, minor))
	}
	for _, alias := range []string{"a", "b", "c"}[:r.IntN(4)] {
		r.exec(`insert into aliases (model_id, tenant_id, alias, kind, traffic, moved_by, why) values ($1, $2, $3, 'set', $4, 'test', '')`,
			model, tenant, alias, r.traffic())
		for range r.IntN(9) {
			before := r.traffic()
			if r.IntN(5) == 0 {
				before = "[]"
			}
			r.exec(`insert into alias_moves (model_id, tenant_id, alias, moved_by, before, after, why, moved_at)
				values ($1, $2, $3, 'test', $4, $4, '', now() - $5::text::interval)`,
				model, tenant, alias, before, r.one("1 minute", "9 minutes", "11 minutes", "8 days"))
		}
	}
}

func (r *random) version(tenant, model uuid.UUID, text string, minor int, name string) {
	id := uuid.New()
	status := r.one("draft", "published", "published", "published", "deprecated", "retired")
	r.exec(`insert into versions (id, tenant_id, model_id, version, major, minor, patch, prerelease, status, digest, uri, size, format, runtime, inputs, outputs,
			deprecation_reason, deprecated_at, sunset, retired_at, created_by, published_at, ready_at, wanted_at)
		values ($1, $2, $3, $4, 1, $5, 0, '~', $6, repeat('0', 64), 'maas://x', 1, 'onnx', 'maas-onnx', '[]', '[]',
			'test', now(), now() + interval '1 day', case $6 when 'retired' then now() end, 'test',
			case when $6 <> 'draft' then now() - $7::text::interval end, now() - $8::text::interval, now() - $9::text::interval)`,
		id, tenant, model, text, minor, status, r.one("10 seconds", "1 minute", "19 minutes"), r.ago("5 seconds", "1 day"),
		r.ago("5 seconds", "9 minutes", "11 minutes", "9 days"))
	if r.IntN(3) > 0 {
		r.exec(`insert into deployments (version_id, tenant_id, status, endpoint, reason, last_called, updated_at, retry_at)
			values ($1, $2, $3, 'http://x', 'x', now() - $4::text::interval, now() - $5::text::interval, now() - $6::text::interval)`,
			id, tenant, r.one("pending", "starting", "starting", "ready", "idle", "failed", "removed"),
			r.ago("1 minute", "6 days", "8 days"), r.one("10 seconds", "1 minute", "19 minutes"), r.ago("-5 minutes", "5 minutes"))
	}
	if r.IntN(3) == 0 {
		r.exec(`insert into outbox (id, tenant_id, source, type, subject, data, next_at, done_at)
			values ($1, $2, 'test', $3, $4, json_build_object('version_id', $7::text), now() + $5::text::interval, now() - $6::text::interval)`,
			uuid.New(), tenant, string(event.DeploymentWanted{}.EventType()), name, r.one("1 minute", "10 minutes", "-1 minute"), r.ago("1 minute"), id)
	}
}

// randomWorld fills the database, and returns the versions.
func (w world) randomWorld() (versions []uuid.UUID) {
	w.t.Helper()
	seed := rand.Uint64()
	w.t.Logf("seed %d", seed)
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 0))}
		for number := range randomModels {
			r.model(w.Owner.Tenant, string(w.Owner.TenantName), number)
		}
		if err := conn.SendBatch(ctx, &r.Batch).Close(); err != nil {
			return err
		}
		rows, err := conn.Query(ctx, `select id from versions`)
		if err != nil {
			return err
		}
		versions, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	})
	return versions
}

func (w world) plannedBefore(sql string) (all []deployment.Planned) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[deployment.Planned])
		return err
	})
	return sorted(all)
}

func sorted(all []deployment.Planned) []deployment.Planned {
	slices.SortFunc(all, func(a, b deployment.Planned) int { return cmp.Compare(a.Version.String(), b.Version.String()) })
	return all
}

// TestPlansAreThoseOfTheVersionBefore compares plans with those of the SQL functions that the version before calls. It goes with them.
func TestPlansAreThoseOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	versions := w.randomWorld()

	before := w.plannedBefore(`select version_id, status, desired, served, warm from deployments_planned(null)`)
	plan, err := w.Deployments.Plan(t.Context())
	w.must(err)
	if !slices.Equal(sorted(plan), before) || len(before) < randomModels {
		t.Errorf("plan  %v\nbefore %v", plan, before)
	}

	before = w.plannedBefore(`select version_id, p.status, desired, served, warm from versions v cross join lateral deployments_planned(v.id) p`)
	plan = nil
	for _, version := range versions {
		one, found, err := w.Deployments.PlanOf(t.Context(), version)
		w.must(err)
		if found {
			plan = append(plan, one)
		}
	}
	if !slices.Equal(sorted(plan), before) || len(before) != len(versions) {
		t.Errorf("plans of one  %v\nbefore %v", plan, before)
	}
	w.assertDueAsBefore()
}

// assertDueAsBefore compares what is due. The version before had hosts look also at what was removed and should not run.
func (w world) assertDueAsBefore() {
	w.t.Helper()
	var before []uuid.UUID
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select u.version_id from deployments_due($1, 1000000) u, deployments_planned(u.version_id) p
			where p.desired or p.status not in ('none', 'removed')`, string(event.DeploymentWanted{}.EventType()))
		if err != nil {
			return err
		}
		before, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	})
	due, err := w.Deployments.Due(w.t.Context())
	w.must(err)
	order := func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) }
	slices.SortFunc(before, order)
	slices.SortFunc(due, order)
	if !slices.Equal(due, before) || len(due) == 0 {
		w.t.Errorf("due %v\nbefore %v", due, before)
	}
}

// TestThePlanOfAVersionReadsItsModelAlone counts the rows that Postgres fetches.
func TestThePlanOfAVersionReadsItsModelAlone(t *testing.T) {
	t.Parallel()
	const most = 1 + 3*2 + 3*5 + 1 // a version, its model's aliases, twice, and their last moves, and a deployment
	w := newWorld(t)
	versions := w.randomWorld()

	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `set local enable_seqscan = off`); err != nil { // which small tables are read by
				return err
			}
			var target bool
			if err := tx.QueryRow(ctx, `select target from deployment_facts_of($1, 5)`, versions[0]).Scan(&target); err != nil {
				return err
			}
			var fetched int
			err := tx.QueryRow(ctx, `
				select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables`).Scan(&fetched)
			if fetched == 0 || fetched > most {
				t.Errorf("%d rows are read among %d versions, want 1 to %d", fetched, len(versions), most)
			}
			return err
		})
	})
}
