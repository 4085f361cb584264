package deployment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	calledSQL = `
		update deployments set last_called = greatest(last_called, $2::timestamptz)
		where version_id = any ($1) and (last_called is null or last_called < $2::timestamptz - interval '1 minute')`
	lockSQL = `
		select m.id, t.name, m.name, t.name || '/' || m.name || '@' || v.version
		from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id
		where v.id = $1 for update of m`
	statusSQL = `select coalesce((select status from deployments where version_id = $1), 'none')`
)

func lock(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s subject, err error) {
	err = tx.QueryRow(ctx, lockSQL, version).Scan(&s.modelID, &s.model.Tenant, &s.model.Name, &s.name)
	return s, err
}

const (
	readStateSQL = `
		select coalesce(d.status, 'none'), coalesce(d.endpoint, ''), coalesce(d.reason, ''), coalesce(d.failure, ''), coalesce(d.attempts, 0), d.retry_at,
			coalesce(d.schedule_ms, 0), coalesce(d.fetch_ms, 0), coalesce(d.load_ms, 0), v.status in ('published', 'deprecated')
		from versions v left join deployments d on d.version_id = v.id
		where v.id = $1`
	putStateSQL = `
		insert into deployments (version_id, status, endpoint, reason, failure, attempts, retry_at, schedule_ms, fetch_ms, load_ms)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (version_id) do update set status = excluded.status, endpoint = excluded.endpoint, reason = excluded.reason,
			failure = excluded.failure, attempts = excluded.attempts, retry_at = excluded.retry_at,
			schedule_ms = excluded.schedule_ms, fetch_ms = excluded.fetch_ms, load_ms = excluded.load_ms, updated_at = clock_timestamp()`
)

// readState gives a deployment's state and whether its version is to be served. The model's lock, which the caller holds, keeps both as they are.
func readState(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s state, served bool, err error) {
	var retryAt *time.Time
	err = tx.QueryRow(ctx, readStateSQL, version).Scan(&s.status, &s.endpoint, &s.reason, &s.failure, &s.attempts, &retryAt,
		&s.phases.Schedule, &s.phases.Fetch, &s.phases.Load, &served)
	if retryAt != nil {
		s.retryAt = instant(*retryAt)
	}
	return s, served, err
}

const (
	specSQL = `
		select v.tenant_id, v.id, t.name || '/' || m.name || '@' || v.version, t.name || '/' || m.name, v.uri, v.runtime, v.format, v.size, v.resources,
			v.min_replicas, v.max_replicas, v.status, d.retry_at, coalesce(d.failure <> '' and v.wanted_at > d.updated_at, false)
		from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id left join deployments d on d.version_id = v.id
		where v.id = $1`
	planSQL = `
		select tenant_id, version_id, status, desired, served, warm from deployments_planned($1) order by last_called nulls first`
)

func spec(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s Spec, err error) {
	var uri, runtime, format *string
	var size *int64
	var status string
	var retryAt *time.Time
	err = tx.QueryRow(ctx, specSQL, version).Scan(&s.Tenant, &s.VersionID, &s.Version, &s.Model, &uri, &runtime, &format, &size, &s.Resources,
		&s.Scale.Min, &s.Scale.Max, &status, &retryAt, &s.Again)
	switch {
	case postgres.NotFound(err):
		return s, fault.New(fault.NotFound, "The version is gone.")
	case err != nil:
		return s, err
	case status != "published" && status != "deprecated":
		return s, fault.New(fault.Gone, fmt.Sprintf("%s is %s, and not to be served.", s.Version, status))
	}
	if retryAt != nil && !s.Again {
		s.RetryAt = *retryAt
	}
	s.Manifest, s.Runtime, s.Format, s.Size = *uri, *runtime, *format, *size // a published version has them (versions_frozen)
	return s, nil
}

// plan compares what should run with what the rows say, of all versions, those first that were not called for longest, or of one: then it gives
// that one, whatever holds of it, or nothing if it is gone.
func (d *Deployments) plan(ctx context.Context, one uuid.NullUUID) (all []planned, err error) {
	err = d.db.Definer(ctx, func(tx postgres.Tx) error {
		rows, err := tx.Query(ctx, planSQL, one)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p planned, err error) {
			err = row.Scan(&p.Tenant, &p.Version, &p.Status, &p.wanted, &p.served, &p.Warm)
			return p, err
		})
		return err
	})
	return all, err
}

const dueSQL = `select tenant_id, version_id, name from deployments_due($1, $2)`

func (d *Deployments) due(ctx context.Context) (all []dueVersion, err error) {
	err = d.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		rows, err := tx.Query(ctx, dueSQL, string(event.DeploymentWanted{}.EventType()), atOnce)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (due dueVersion, err error) {
			err = row.Scan(&due.tenant, &due.wanted.VersionID, &due.wanted.Version)
			return due, err
		})
		return err
	})
	return all, err
}

const endpointSQL = `select endpoint from deployments where version_id = $1`

// putState writes a deployment's row, whatever it was before.
func putState(ctx context.Context, tx postgres.Tx, version uuid.UUID, s state) error {
	_, err := tx.Exec(ctx, putStateSQL, version, string(s.status), s.endpoint, s.reason,
		string(s.failure), s.attempts, orNull(s.retryAt), s.phases.Schedule, s.phases.Fetch, s.phases.Load)
	return err
}

// setCalled sets when the versions were called last, unless they were called later or within the minute before.
func setCalled(ctx context.Context, tx postgres.Tx, versions []uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, calledSQL, versions, at)
	return err
}

// readStatus returns the status of a version's deployment, none if there is no row.
func readStatus(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s api.DeploymentStatus, err error) {
	err = tx.QueryRow(ctx, statusSQL, version).Scan(&s)
	return s, err
}

// readEndpoint returns the endpoint of a version's deployment. Without a row it fails with pgx.ErrNoRows.
func readEndpoint(ctx context.Context, tx postgres.Tx, version uuid.UUID) (endpoint string, err error) {
	err = tx.QueryRow(ctx, endpointSQL, version).Scan(&endpoint)
	return endpoint, err
}
