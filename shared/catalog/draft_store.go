package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	statusSQL      = `select id, status from versions where model_id = $1 and version = $2`
	lockVersionSQL = `
		select t.name || '/' || m.name, v.version, v.status
		from versions v join models m on m.id = v.model_id join tenants t on t.id = m.tenant_id
		where v.id = $1 for update of v`
	highestSQL = `
		select version from versions where model_id = $1
		order by major desc, minor desc, patch desc, prerelease desc limit 1`
	insertDraftSQL = `
		insert into versions (id, model_id, version, major, minor, patch, prerelease, created_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	dropDraftSQL = `
		delete from versions v
		where v.id = $1 and v.status = '` + string(api.VersionDraft) + `' and not exists (select from version_files f where f.version_id = v.id)`
	othersSQL   = `select count(*) from version_files where version_id = $1 and path <> $2`
	inTheWaySQL = `
		select path from version_files
		where version_id = $1 and (starts_with($2, path || '/') or starts_with(path, $2 || '/'))
		order by path limit 1`
	keepArtifactSQL = `
		insert into artifacts (digest, object_key, size, md5, format, inputs, outputs, details)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (tenant_id, digest) do nothing`
	artifactKeySQL = `select object_key from artifacts where digest = $1`
	attachSQL      = `
		insert into version_files (version_id, path, digest, format, inputs, outputs, details)
		select $1, $2, a.digest, nullif($4, a.format), nullif($5, a.inputs), nullif($6, a.outputs), nullif($7, a.details)
		from artifacts a where a.digest = $3
		on conflict (version_id, path) do update set digest = excluded.digest, format = excluded.format, inputs = excluded.inputs,
			outputs = excluded.outputs, details = excluded.details, attached_at = now()`
)

// statusOf returns the id and the status of a model's version. It fails with pgx.ErrNoRows if there is none.
func statusOf(ctx context.Context, tx postgres.Tx, model uuid.UUID, v ref.Version) (id uuid.UUID, status api.VersionStatus, err error) {
	err = tx.QueryRow(ctx, statusSQL, model, v.String()).Scan(&id, &status)
	return id, status, err
}

// lockVersion returns a version's names and status, and locks its row until the transaction ends, so that it is not published meanwhile. It fails with
// NotFound if the version is gone.
func lockVersion(ctx context.Context, tx postgres.Tx, id uuid.UUID) (m ref.Model, v ref.Version, status api.VersionStatus, err error) {
	var model, version string
	err = tx.QueryRow(ctx, lockVersionSQL, id).Scan(&model, &version, &status)
	if postgres.NotFound(err) {
		return m, v, status, fault.New(fault.NotFound, "The version is gone.", fault.Field("version"))
	}
	if err != nil {
		return m, v, status, err
	}
	if m, err = ref.ParseModel(model); err != nil {
		return m, v, status, err
	}
	v, err = ref.ParseVersion(version)
	return m, v, status, err
}

// highestVersion returns the highest version of any status; zero where there is none.
func highestVersion(ctx context.Context, tx postgres.Tx, model uuid.UUID) (ref.Version, error) {
	var text string
	err := tx.QueryRow(ctx, highestSQL, model).Scan(&text)
	if postgres.NotFound(err) {
		return ref.Version{}, nil
	}
	if err != nil {
		return ref.Version{}, err
	}
	return ref.ParseVersion(text)
}

// insertDraft inserts a draft version. The caller has made sure that the version does not exist.
func insertDraft(ctx context.Context, tx postgres.Tx, id uuid.UUID, draft Draft, actor string) error {
	major, minor, patch, prerelease := place(draft.Version)
	_, err := tx.Exec(ctx, insertDraftSQL, id, draft.ModelID, draft.Version.String(), major, minor, patch, prerelease, actor)
	return err
}

// keepArtifact records the content unless the tenant has it already, and returns the key of the object that has it.
func keepArtifact(ctx context.Context, tx postgres.Tx, a Artifact) (key string, err error) {
	inputs, outputs, details, err := describe(a)
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, keepArtifactSQL, a.Digest.String(), a.ObjectKey, a.Size, a.MD5, a.Format, inputs, outputs, details)
	if err != nil {
		return "", err
	}
	err = tx.QueryRow(ctx, artifactKeySQL, a.Digest.String()).Scan(&key)
	return key, err
}

// describe returns the artifact's inputs, outputs and details as JSON; [] and {} stand for nil. It fails if a detail cannot be encoded.
func describe(a Artifact) (inputs, outputs, details json.RawMessage, err error) {
	if a.Inputs == nil {
		a.Inputs = []api.Tensor{}
	}
	if a.Outputs == nil {
		a.Outputs = []api.Tensor{}
	}
	if a.Details == nil {
		a.Details = struct{}{}
	}
	if inputs, err = json.Marshal(a.Inputs); err != nil {
		return nil, nil, nil, fmt.Errorf("artifact: %w", err)
	}
	if outputs, err = json.Marshal(a.Outputs); err != nil {
		return nil, nil, nil, fmt.Errorf("artifact: %w", err)
	}
	if details, err = json.Marshal(a.Details); err != nil {
		return nil, nil, nil, fmt.Errorf("artifact: %w", err)
	}
	return inputs, outputs, details, nil
}

// attach records that the version's file at the path has the artifact's content, and what was found in it under that path. It replaces what that path
// had before.
func attach(ctx context.Context, tx postgres.Tx, in Attach) error {
	inputs, outputs, details, err := describe(in.Artifact)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, attachSQL, in.VersionID, in.Path, in.Artifact.Digest.String(), in.Artifact.Format, inputs, outputs, details)
	return err
}

// countOthers returns the number of the version's files at other paths.
func countOthers(ctx context.Context, tx postgres.Tx, version uuid.UUID, path string) (others int, err error) {
	err = tx.QueryRow(ctx, othersSQL, version, path).Scan(&others)
	return others, err
}

// fileInTheWay returns the first of the version's files that lies below the path or above it, and "" if there is none.
func fileInTheWay(ctx context.Context, tx postgres.Tx, version uuid.UUID, path string) (there string, err error) {
	err = tx.QueryRow(ctx, inTheWaySQL, version, path).Scan(&there)
	if postgres.NotFound(err) {
		return "", nil
	}
	return there, err
}

// DropEmptyDraft deletes a draft that has no file, in transfer's transaction; any other version stays. The caller makes sure that no
// other upload is open for it.
func DropEmptyDraft(ctx context.Context, tx postgres.Tx, version uuid.UUID) error {
	_, err := tx.Exec(ctx, dropDraftSQL, version)
	return err
}
