package catalog

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// The statuses as SQL has them.
const (
	publishedStatus  = `'` + string(api.VersionPublished) + `'`
	deprecatedStatus = `'` + string(api.VersionDeprecated) + `'`
)

var (
	servedStatuses   = postgres.Literals(api.VersionStatuses(), api.VersionStatus.Serves)
	underwayStatuses = postgres.Literals(api.UploadStatuses(), func(s api.UploadStatus) bool { return !s.Ended() })
)

// firstFile is the first file of the row v that has outputs, as models do.
const firstFile = fromFiles + `
	where f.version_id = v.id order by d.outputs = '[]', f.path collate "C" limit 1`

// versionJSON renders the row v as a Version; $1 is the model's name. What a draft has no columns for yet is read from its files.
const versionJSON = `
	json_build_object(
		'id', v.id, 'model', $1::text, 'version', v.version, 'status', v.status, 'changelog', v.changelog, 'metadata', v.metadata,
		'digest', coalesce(v.digest, ''), 'size', coalesce(v.size, f.size), 'files', f.files, 'uri', coalesce(v.uri, ''),
		'inputs', coalesce(v.inputs, (select d.inputs` + firstFile + `), '[]'), 'outputs', coalesce(v.outputs, (select d.outputs` + firstFile + `), '[]'),
		'kind', coalesce(v.format, ''), 'runtime', coalesce(v.runtime, ''), 'resources', v.resources, 'min_replicas', v.min_replicas, 'max_replicas', v.max_replicas,
		'deterministic', v.deterministic, 'is_latest', coalesce('` + string(ref.Latest) + `' = any (a.names), false), 'aliases', coalesce(to_json(a.names), '[]'),
		'deployment', json_build_object('status', ` + deploymentStatus + `, 'reason', coalesce(d.reason, ''), 'failure', ` + deploymentFailure + `,
			'attempts', coalesce(d.attempts, 0), 'retry_at', d.retry_at, 'phases', json_build_object(
			'schedule_ms', coalesce(d.schedule_ms, 0), 'fetch_ms', coalesce(d.fetch_ms, 0), 'load_ms', coalesce(d.load_ms, 0))),
		'lineage', json_build_object('parent', coalesce(l.parent, ''), 'commit', coalesce(l.commit, ''), 'data', coalesce(l.data, ''),
			'run', coalesce(l.run, '')),
		'deprecation', case when v.deprecated_at is not null then
			json_build_object('reason', v.deprecation_reason, 'since', v.deprecated_at, 'sunset', v.sunset) end,
		'created_by', v.created_by, 'created_at', v.created_at, 'published_at', v.published_at)
	from versions v
	left join deployments d on d.version_id = v.id
	left join lineage l on l.version_id = v.id
	cross join lateral (
		select coalesce(sum(a.size), 0) as size,
			coalesce(json_agg(json_build_object('path', f.path, 'size', a.size, 'sha256', a.digest, 'md5', a.md5, 'format', d.format)
				order by f.path collate "C"), '[]') as files
` + fromFiles + `
		where f.version_id = v.id) f
	cross join lateral (
		select array_agg(a.alias order by a.alias) as names
		from aliases a
		where a.model_id = v.model_id and a.traffic @> jsonb_build_array(jsonb_build_object('version', v.version))) a`

const (
	readVersionSQL  = `select ` + versionJSON + ` where v.model_id = $2 and v.version = $3`
	listVersionsSQL = `
		select ` + versionJSON + `
		where v.model_id = $2 and ($3 = '' or v.status = $3)
			and ($4 or (v.major, v.minor, v.patch, v.prerelease) < ($5::int, $6::int, $7::int, $8::text collate "C"))
		order by v.major desc, v.minor desc, v.patch desc, v.prerelease desc
		limit $9`
)

// readVersion returns a version, whatever its status, without a parent that the caller may not know of. It fails with NotFound if there is none.
func readVersion(
	ctx context.Context, tx postgres.Tx, who auth.Principal, model uuid.UUID, name ref.Model, version ref.Version,
) (v api.Version, err error) {
	err = tx.QueryRow(ctx, readVersionSQL, name.String(), model, version.String()).Scan(&v)
	if postgres.NotFound(err) {
		return api.Version{}, noVersion(name, version.String())
	}
	if err != nil {
		return api.Version{}, err
	}
	return v, hideParents(ctx, tx, who, &v.Lineage)
}

// listVersions returns up to in.Size+1 versions of the model below after, the highest first; a zero after stands for all. Unless in.Status is "" they are
// those of that status. It leaves out parents that the caller may not know of.
func listVersions(
	ctx context.Context, tx postgres.Tx, who auth.Principal, model uuid.UUID, in api.ListVersionsRequest, after ref.Version,
) ([]api.Version, error) {
	var major, minor, patch int64
	var prerelease string
	if !after.IsZero() {
		major, minor, patch, prerelease = place(after)
	}
	rows, err := tx.Query(ctx, listVersionsSQL, in.Model.String(), model, string(in.Status), after.IsZero(),
		major, minor, patch, prerelease, in.Size+1)
	if err != nil {
		return nil, err
	}
	versions, err := pgx.CollectRows(rows, pgx.RowTo[api.Version])
	if err != nil {
		return nil, err
	}
	lineages := make([]*api.Lineage, len(versions))
	for i := range versions {
		lineages[i] = &versions[i].Lineage
	}
	return versions, hideParents(ctx, tx, who, lineages...)
}

const (
	updateDraftSQL = `update versions set changelog = coalesce($2, changelog), metadata = coalesce($3, metadata) where id = $1`
	deprecateSQL   = `
		update versions set status = ` + deprecatedStatus + `, deprecation_reason = $2, sunset = $3, deprecated_at = coalesce(deprecated_at, now())
		where id = $1`
	retireSQL = `update versions set status = '` + string(api.VersionRetired) + `', retired_at = now() where id = $1`
	sunsetSQL = `select tenant_id, tenant, model, version from versions_sunset($1)`
)

// servedSQL gives the versions that references may lead to: those that have started once; the published before the deprecated, each from the highest on.
const servedSQL = `
	select version from versions
	where model_id = $1 and status = $2 and ready_at is not null
	order by major desc, minor desc, patch desc, prerelease desc
	limit $3 offset $4`

// scanVersion reads a version from a row of one column. It fails with Invalid if the text is malformed.
func scanVersion(row pgx.CollectableRow) (ref.Version, error) {
	var text string
	if err := row.Scan(&text); err != nil {
		return ref.Version{}, err
	}
	return ref.ParseVersion(text)
}

const (
	// impliedSQL gives the version that a derived alias follows: the highest release of a status that has started once.
	impliedSQL = `
		select version from versions
		where model_id = $1 and status = $2 and ready_at is not null and prerelease = '~'
			and ($3::bigint is null or major = $3) and ($4::bigint is null or minor = $4)
		order by major desc, minor desc, patch desc, prerelease desc limit 1`
	servedStatusSQL = `select status, ready_at is not null from versions where model_id = $1 and version = $2`
)

var firstStartSQL = `
	update versions v set ready_at = clock_timestamp()
	from models m, tenants t
	where v.id = $1 and v.ready_at is null and v.status in (` + servedStatuses + `) and m.id = v.model_id and t.id = m.tenant_id
	returning m.id, t.name || '/' || m.name, v.version, v.aliases, v.published_at`

// firstStart records that a version has started, and returns what its first start is about. For a later start, and a version that is not published or
// deprecated, it changes nothing and returns the zero start.
func firstStart(ctx context.Context, tx postgres.Tx, id uuid.UUID) (s start, err error) {
	var model, version string
	err = tx.QueryRow(ctx, firstStartSQL, id).Scan(&s.modelID, &model, &version, &s.aliases, &s.publishedAt)
	if postgres.NotFound(err) {
		return start{}, nil
	}
	if err != nil {
		return start{}, err
	}
	s.first = true
	if s.model, err = ref.ParseModel(model); err != nil {
		return start{}, err
	}
	s.version, err = ref.ParseVersion(version)
	return s, err
}

// updateDraft changes what the request gives of a version's row, and leaves the rest.
func updateDraft(ctx context.Context, tx postgres.Tx, id uuid.UUID, in api.UpdateVersionRequest) error {
	_, err := tx.Exec(ctx, updateDraftSQL, id, in.Changelog, in.Metadata)
	return err
}

// setDeprecated marks a version deprecated, with reason and sunset. If it is deprecated already, the time of its first deprecation stays.
func setDeprecated(ctx context.Context, tx postgres.Tx, id uuid.UUID, reason string, sunset time.Time) error {
	_, err := tx.Exec(ctx, deprecateSQL, id, reason, sunset)
	return err
}

// setRetired marks a version retired.
func setRetired(ctx context.Context, tx postgres.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, retireSQL, id)
	return err
}

// listDue returns up to most deprecated versions of all tenants whose sunset has come, without those that an alias leads to that someone set.
func listDue(ctx context.Context, tx postgres.Tx, most int) ([]due, error) {
	rows, err := tx.Query(ctx, sunsetSQL, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[due])
}

// listServed returns the model's versions of the status that have started once, the highest first: up to limit of them, after the first offset.
func listServed(ctx context.Context, tx postgres.Tx, model uuid.UUID, status api.VersionStatus, limit, offset int) ([]ref.Version, error) {
	rows, err := tx.Query(ctx, servedSQL, model, string(status), limit, offset)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanVersion)
}

// highestRelease returns the highest release of the status that has started once, of the major and minor if they are not nil. It returns the
// zero version if there is none.
func highestRelease(ctx context.Context, tx postgres.Tx, model uuid.UUID, status api.VersionStatus, major, minor *int64) (ref.Version, error) {
	var text string
	err := tx.QueryRow(ctx, impliedSQL, model, string(status), major, minor).Scan(&text)
	if postgres.NotFound(err) {
		return ref.Version{}, nil
	}
	if err != nil {
		return ref.Version{}, err
	}
	return ref.ParseVersion(text)
}

// startedStatus returns a version's status and whether it has started once. Without the version it fails with pgx.ErrNoRows.
func startedStatus(
	ctx context.Context, tx postgres.Tx, model uuid.UUID, v ref.Version,
) (status api.VersionStatus, started bool, err error) {
	err = tx.QueryRow(ctx, servedStatusSQL, model, v.String()).Scan(&status, &started)
	return status, started, err
}
