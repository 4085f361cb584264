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
		where version_id = any ($1) and (last_called is null or last_called < $2::timestamptz - $3::interval)`
	lockSQL = `
		select m.id, t.name, m.name, t.name || '/' || m.name || '@' || v.version
		from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id
		where v.id = $1 for update of m`
	statusSQL = `select status from deployments where version_id = $1`
)

// lock locks a version's model until the transaction ends, and returns its names. Without the version it fails with pgx.ErrNoRows.
func lock(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s subject, err error) {
	err = tx.QueryRow(ctx, lockSQL, version).Scan(&s.modelID, &s.model.Tenant, &s.model.Name, &s.name)
	return s, err
}

const (
	readStateSQL = `
		select coalesce(d.status, $2), coalesce(d.endpoint, ''), coalesce(d.reason, ''), coalesce(d.failure, ''), coalesce(d.attempts, 0), d.retry_at,
			coalesce(d.schedule_ms, 0), coalesce(d.fetch_ms, 0), coalesce(d.load_ms, 0), v.status
		from versions v left join deployments d on d.version_id = v.id
		where v.id = $1`
	putStateSQL = `
		insert into deployments (version_id, status, endpoint, reason, failure, attempts, retry_at, schedule_ms, fetch_ms, load_ms)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (version_id) do update set status = excluded.status, endpoint = excluded.endpoint, reason = excluded.reason,
			failure = excluded.failure, attempts = excluded.attempts, retry_at = excluded.retry_at,
			schedule_ms = excluded.schedule_ms, fetch_ms = excluded.fetch_ms, load_ms = excluded.load_ms, updated_at = clock_timestamp()`
)

// readState returns a deployment's state, and whether its version is to be served. The caller holds the lock of the model, so that neither changes
// until the transaction ends.
func readState(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s state, served bool, err error) {
	var retryAt *time.Time
	var of api.VersionStatus
	err = tx.QueryRow(ctx, readStateSQL, version, string(api.DeploymentNone)).Scan(&s.status, &s.endpoint, &s.reason, &s.failure, &s.attempts, &retryAt,
		&s.phases.Schedule, &s.phases.Fetch, &s.phases.Load, &of)
	if retryAt != nil {
		s.retryAt = instant(*retryAt)
	}
	return s, of.Serves(), err
}

const specSQL = `
	select v.tenant_id, v.id, t.name || '/' || m.name || '@' || v.version, t.name || '/' || m.name, v.uri, v.runtime, v.format, v.size, v.resources,
		v.min_replicas, v.max_replicas, v.status, d.retry_at, coalesce(d.failure <> '' and v.wanted_at > d.updated_at, false)
	from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id left join deployments d on d.version_id = v.id
	where v.id = $1`

// spec returns what a host needs to start a version. It fails with NotFound if the version is gone, and with Gone if it is not to be served.
func spec(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s Spec, err error) {
	var uri, runtime, format *string
	var size *int64
	var status api.VersionStatus
	var retryAt *time.Time
	err = tx.QueryRow(ctx, specSQL, version).Scan(&s.Tenant, &s.VersionID, &s.Version, &s.Model, &uri, &runtime, &format, &size, &s.Resources,
		&s.Scale.Min, &s.Scale.Max, &status, &retryAt, &s.Again)
	switch {
	case postgres.NotFound(err):
		return s, fault.New(fault.NotFound, "The version is gone.")
	case err != nil:
		return s, err
	case !status.Serves():
		return s, fault.New(fault.Gone, fmt.Sprintf("%s is %s, and not to be served.", s.Version, status))
	}
	if retryAt != nil && !s.Again {
		s.RetryAt = *retryAt
	}
	s.Manifest, s.Runtime, s.Format, s.Size = *uri, *runtime, *format, *size // a published version has them (versions_frozen)
	return s, nil
}

const endpointSQL = `select endpoint from deployments where version_id = $1`

// putState writes a deployment's row with the state, and creates it if there is none.
func putState(ctx context.Context, tx postgres.Tx, version uuid.UUID, s state) error {
	_, err := tx.Exec(ctx, putStateSQL, version, string(s.status), s.endpoint, s.reason,
		string(s.failure), s.attempts, orNull(s.retryAt), s.phases.Schedule, s.phases.Fetch, s.phases.Load)
	return err
}

// setCalled sets when the versions were called last. It leaves those that were called later, or less than calledEach before.
func setCalled(ctx context.Context, tx postgres.Tx, versions []uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, calledSQL, versions, at, calledEach)
	return err
}

// readStatus returns the status of a version's deployment, DeploymentNone if it has none.
func readStatus(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s api.DeploymentStatus, err error) {
	err = tx.QueryRow(ctx, statusSQL, version).Scan(&s)
	if postgres.NotFound(err) {
		return api.DeploymentNone, nil
	}
	return s, err
}

// readEndpoint returns the endpoint of a version's deployment. Without a row it fails with pgx.ErrNoRows.
func readEndpoint(ctx context.Context, tx postgres.Tx, version uuid.UUID) (endpoint string, err error) {
	err = tx.QueryRow(ctx, endpointSQL, version).Scan(&endpoint)
	return endpoint, err
}

const (
	columns = `at, tenant_id, version_id, version_status, published_at, ready_at, wanted_at,
		coalesce(status, $1), updated_at, last_called, retry_at, woken_at, target, left_at, post_at`
	factsSQL    = `select ` + columns + ` from deployment_facts($2, $3, $4, $5, $6, $7) order by last_called nulls first`
	factsOfSQL  = `select ` + columns + ` from deployment_facts_of($2, $3)`
	setWokenSQL = `update deployments set woken_at = now() where version_id = $1`
	nameSQL     = `
		select t.name || '/' || m.name || '@' || v.version
		from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id
		where v.id = $1`
)

// readFacts returns the facts of all versions that may have to run, start or stop. Those that were not called for longest come first.
func readFacts(ctx context.Context, tx postgres.Tx) ([]facts, error) {
	unstarted := []string{string(api.VersionPublished)}
	rows, err := tx.Query(ctx, factsSQL, string(api.DeploymentNone), previousTargets, calledWithin, wantedWithin, unstarted, hostedStatuses,
		string(event.DeploymentWanted{}.EventType()))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanFacts)
}

// readFactsOf returns the facts of one version; its postAt is always nil. Without the version it fails with pgx.ErrNoRows.
func readFactsOf(ctx context.Context, tx postgres.Tx, version uuid.UUID) (facts, error) {
	rows, err := tx.Query(ctx, factsOfSQL, string(api.DeploymentNone), version, previousTargets)
	if err != nil {
		return facts{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanFacts)
}

// scanFacts reads a row of factsSQL or factsOfSQL.
func scanFacts(row pgx.CollectableRow) (f facts, err error) {
	err = row.Scan(&f.at, &f.tenant, &f.version, &f.versionStatus, &f.publishedAt, &f.readyAt, &f.wantedAt,
		&f.status, &f.updatedAt, &f.calledAt, &f.retryAt, &f.wokenAt, &f.target, &f.leftAt, &f.postAt)
	return f, err
}

// setWoken records that hosts are woken for a version now. It does nothing if the version has no deployment.
func setWoken(ctx context.Context, tx postgres.Tx, version uuid.UUID) error {
	_, err := tx.Exec(ctx, setWokenSQL, version)
	return err
}

// readName returns a version's name, like acme/fraud@1.4.0. Without the version it fails with pgx.ErrNoRows.
func readName(ctx context.Context, tx postgres.Tx, version uuid.UUID) (name string, err error) {
	err = tx.QueryRow(ctx, nameSQL, version).Scan(&name)
	return name, err
}
