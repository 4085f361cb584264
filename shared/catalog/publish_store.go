package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/ref"
)

// FileObject is a file with the object that has its bytes, and what its format's reader found.
type FileObject struct {
	File

	Object  string          `json:"object"`
	Inputs  json.RawMessage `json:"inputs"`
	Outputs json.RawMessage `json:"outputs"`
	Details json.RawMessage `json:"details"`
}

// fileSQL renders the files of a version.
const fileSQL = `
		select json_build_object('path', f.path, 'size', a.size, 'sha256', a.digest, 'md5', a.md5, 'format', a.format,
			'object', a.object_key, 'inputs', a.inputs, 'outputs', a.outputs, 'details', a.details)
		from version_files f join artifacts a on a.tenant_id = f.tenant_id and a.digest = f.digest
		where f.version_id = $1`

const (
	readFilesSQL  = fileSQL + ` order by f.path collate "C"`
	readFileSQL   = fileSQL + ` and f.path = $2`
	openUploadSQL = `
		select path from uploads where version_id = $1 and status in ('open', 'completing', 'verifying') order by path limit 1`
	publishSQL = `
		update versions set status = 'published', published_at = clock_timestamp(), published_by = $2, digest = $3, uri = $4, size = $5, format = $6,
			runtime = $7, inputs = $8, outputs = $9, changelog = coalesce($10, changelog), aliases = $11, resources = $12,
			min_replicas = $13, max_replicas = $14, deterministic = $15
		where id = $1`
)

// readFiles gives a version's files by path.
func readFiles(ctx context.Context, tx postgres.Tx, version uuid.UUID) ([]FileObject, error) {
	rows, err := tx.Query(ctx, readFilesSQL, version)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[FileObject])
}

// readFile gives the file of a version at a path; postgres.NotFound tells that there is none.
func readFile(ctx context.Context, tx postgres.Tx, version uuid.UUID, path ref.Path) (f FileObject, err error) {
	err = tx.QueryRow(ctx, readFileSQL, version, string(path)).Scan(&f)
	return f, err
}

// checkUploads fails with Conflict while an upload of the version is under way. New ones wait for the model's row.
func checkUploads(ctx context.Context, tx postgres.Tx, version uuid.UUID) error {
	var path string
	err := tx.QueryRow(ctx, openUploadSQL, version).Scan(&path)
	if postgres.NotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, fmt.Sprintf("The upload of %s is not finished: complete or cancel it first.", path), fault.Field("version"))
}

func publishVersion(ctx context.Context, tx postgres.Tx, f frozen, in Publish, actor string) error {
	aliases := make([]string, len(in.Aliases))
	for i, alias := range in.Aliases {
		aliases[i] = string(alias)
	}
	scale := in.scale()
	_, err := tx.Exec(ctx, publishSQL, f.id, actor, f.digest.String(), f.uri, f.size, f.format, f.runtime, f.main.Inputs, f.main.Outputs,
		in.Changelog, aliases, in.Resources.JSON(), scale.Min, scale.Max, in.Deterministic)
	return err
}
