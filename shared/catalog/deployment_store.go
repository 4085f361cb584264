package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/postgres"
)

// deploymentStatus and deploymentFailure are the status and the failure, as others see them, of the version v and its deployment d. A version
// that failed and was asked for since is pending: its host has not heard of it yet.
const (
	deploymentStatus = `case when d.status = ` + failedStatus + ` and v.wanted_at > d.updated_at then '` + string(api.DeploymentPending) + `'
		else coalesce(d.status, '` + string(api.DeploymentNone) + `') end`
	deploymentFailure = `case d.status when '` + string(api.DeploymentStarting) + `' then d.failure
		when ` + failedStatus + ` then coalesce(nullif(d.failure, ''), '` + string(api.FailureLasting) + `') else '' end`

	failedStatus = `'` + string(api.DeploymentFailed) + `'`
)

const (
	deploymentSQL = `
		select v.id, v.status, ` + deploymentStatus + `, coalesce(d.reason, ''), coalesce(d.updated_at, v.created_at), ` + deploymentFailure + `
		from versions v left join deployments d on d.version_id = v.id
		where v.model_id = $1 and v.version = $2`
	wantDue    = `(wanted_at is null or wanted_at < clock_timestamp() - $2::bigint * interval '1 millisecond')`
	mayWantSQL = `select ` + wantDue + ` from versions where id = $1`
	wantSQL    = `update versions set wanted_at = clock_timestamp() where id = $1 and ` + wantDue
)

// stateOf returns the state of a version's deployment. It fails with Conflict if the version does not exist.
func stateOf(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version) (r running, err error) {
	r.version = v
	err = tx.QueryRow(ctx, deploymentSQL, model, v.String()).Scan(&r.id, &r.status, &r.deployment, &r.reason, &r.since, &r.failure)
	if postgres.NotFound(err) {
		return r, fault.New(fault.Conflict, fmt.Sprintf("There is no version %s@%s.", name, v), fault.Field("version"))
	}
	return r, err
}

const resolveSQL = `
	select v.status, json_build_object(
		'version_id', v.id, 'version', v.version, 'digest', coalesce(v.digest, ''), 'endpoint', coalesce(d.endpoint, ''),
		'status', ` + deploymentStatus + `, 'reason', coalesce(d.reason, ''), 'failure', ` + deploymentFailure + `,
		'retry_at', case when d.status = ` + failedStatus + ` then greatest(d.updated_at, v.wanted_at) + $3::bigint * interval '1 millisecond' else d.retry_at end,
		'deterministic', v.deterministic,
		'runtime', coalesce(v.runtime, ''), 'inputs', coalesce(v.inputs, '[]'), 'outputs', coalesce(v.outputs, '[]'),
		'deprecation', case when v.status = ` + deprecatedStatus + ` then
			json_build_object('reason', v.deprecation_reason, 'since', v.deprecated_at, 'sunset', v.sunset) end)
	from versions v left join deployments d on d.version_id = v.id
	where v.model_id = $1 and v.version = $2`

// readResolution returns a version's status and where calls to it go. Without the version it fails with pgx.ErrNoRows.
func readResolution(ctx context.Context, tx postgres.Tx, model uuid.UUID, v ref.Version) (status api.VersionStatus, r Resolution, err error) {
	err = tx.QueryRow(ctx, resolveSQL, model, v.String(), failedAgain.Milliseconds()).Scan(&status, &r)
	return status, r, err
}

// mayWant reports whether the version's start may be asked for: it was not asked for during the given time before now.
func mayWant(ctx context.Context, tx postgres.Tx, version uuid.UUID, within time.Duration) (due bool, err error) {
	err = tx.QueryRow(ctx, mayWantSQL, version, within.Milliseconds()).Scan(&due)
	return due, err
}

// setWanted records that the version's start is asked for now. If it was asked for during the given time before now, setWanted changes nothing and reports
// false.
func setWanted(ctx context.Context, tx postgres.Tx, version uuid.UUID, within time.Duration) (set bool, err error) {
	tag, err := tx.Exec(ctx, wantSQL, version, within.Milliseconds())
	return tag.RowsAffected() > 0, err
}
