package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/postgres"
)

// FileObject is a file with the object that has its bytes, and what its format's reader found, where that was asked for.
type FileObject struct {
	api.File

	Object  string          `json:"object"`
	Inputs  json.RawMessage `json:"inputs"`
	Outputs json.RawMessage `json:"outputs"`
	Details json.RawMessage `json:"details"`
}

const (
	// withFound joins files (f) to their artifacts (a) and to what was found in them (d).
	withFound = `
			join artifacts a on a.tenant_id = f.tenant_id and a.digest = f.digest
			cross join lateral (select coalesce(f.format, a.format) as format, coalesce(f.inputs, a.inputs) as inputs,
				coalesce(f.outputs, a.outputs) as outputs, coalesce(f.details, a.details) as details) d`
	fromFiles  = ` from version_files f` + withFound
	fileFields = `'path', f.path, 'size', a.size, 'sha256', a.digest, 'md5', a.md5, 'format', d.format, 'object', a.object_key`
	ofVersion  = fromFiles + `
		where f.version_id = $1`
)

// maxFound bounds what formats' readers found that is read at once, in bytes of JSON: the headers of one file may have as many names as it likes.
const maxFound = 32 << 20

const (
	readFilesSQL = `select json_build_object(` + fileFields + `)` + ofVersion + ` order by f.path collate "C"`
	readFileSQL  = `select json_build_object(` + fileFields + `)` + ofVersion + ` and f.path = $2`
	// What is found in files from where the sum goes beyond maxFound ($2) on is left out.
	describeFilesSQL = `
		select json_build_object(` + fileFields + `, 'inputs', case when room then d.inputs else '[]' end,
			'outputs', case when room then d.outputs else '[]' end, 'details', case when room then d.details else '{"omitted": true}' end)
		from (
			select f.tenant_id, f.path, f.digest, f.format, f.inputs, f.outputs, f.details,
				sum(octet_length(d.inputs::text) + octet_length(d.outputs::text) + octet_length(d.details::text))
				over (order by f.path collate "C") <= $2::bigint as room` + ofVersion + `) f` + withFound + `
		order by f.path collate "C"`
	needsSQL = `
		select f.path, e.path, e.size` + fromFiles + `
			cross join lateral jsonb_to_recordset(coalesce(d.details -> 'external', '[]')) as e(path text, size bigint)
		where f.version_id = $1
		order by f.path collate "C", e.path collate "C"`
	// The files that can run code where they are loaded: by their formats ($2), or by what was found in them.
	codeSQL = `select f.path, d.format, coalesce(d.details -> 'findings', '[]')` + ofVersion + `
		and (d.format = any ($2) or d.details -> 'findings' @> '[{"unsafe": true}]')
		order by f.path collate "C"`
	signatureSQL = `select d.inputs, d.outputs` + ofVersion + ` and f.path = $2`
	publishSQL   = `
		update versions set status = ` + publishedStatus + `, published_at = clock_timestamp(), published_by = $2, digest = $3, uri = $4, size = $5, format = $6,
			runtime = $7, inputs = $8, outputs = $9, changelog = coalesce($10, changelog), aliases = $11, resources = $12,
			min_replicas = $13, max_replicas = $14, deterministic = $15
		where id = $1`
	publishedForSQL = `select $2::text[] <@ aliases from versions where id = $1`
)

var openUploadSQL = `
	select path from uploads where version_id = $1 and status in (` + underwayStatuses + `) order by path limit 1`

// readFiles returns a version's files by path, without what was found in them.
func readFiles(ctx context.Context, tx postgres.Tx, version uuid.UUID) ([]FileObject, error) {
	return collectFiles(tx.Query(ctx, readFilesSQL, version))
}

// describeFiles is like readFiles, and adds what was found in the files. Beyond 32 MiB of it in all, the other files' details are {"omitted": true}.
func describeFiles(ctx context.Context, tx postgres.Tx, version uuid.UUID) ([]FileObject, error) {
	return collectFiles(tx.Query(ctx, describeFilesSQL, version, maxFound))
}

// collectFiles reads the files from the rows and closes them. If err is not nil it returns err: it takes what Query returns.
func collectFiles(rows pgx.Rows, err error) ([]FileObject, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[FileObject])
}

// readFile returns the file of a version at a path, as readFiles does; postgres.NotFound tells that there is none.
func readFile(ctx context.Context, tx postgres.Tx, version uuid.UUID, path ref.Path) (f FileObject, err error) {
	err = tx.QueryRow(ctx, readFileSQL, version, string(path)).Scan(&f)
	return f, err
}

// arrange returns what a draft's files make, and the file of it that the model server loads. It fails with Unprocessable if they make no version, or one
// that the policy refuses. What models need comes row by row: there may be as many rows as files times external data.
func arrange(
	ctx context.Context, tx postgres.Tx, name string, version uuid.UUID, files []FileObject, policy api.FormatPolicy,
) (formats.Arrangement, FileObject, error) {
	a := newAssembly(files, policy)
	if err := readNeeds(ctx, tx, version, a); err != nil {
		return formats.Arrangement{}, FileObject{}, err
	}
	if err := readCode(ctx, tx, version, a); err != nil {
		return formats.Arrangement{}, FileObject{}, err
	}
	return a.arrange(name)
}

func readNeeds(ctx context.Context, tx postgres.Tx, version uuid.UUID, into *assembly) error {
	rows, err := tx.Query(ctx, needsSQL, version)
	if err != nil {
		return err
	}
	var model, file ref.Path
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&model, &file, &size}, func() error {
		into.need(model, formats.Beside(model, file), size)
		return nil
	})
	return err
}

func readCode(ctx context.Context, tx postgres.Tx, version uuid.UUID, into *assembly) error {
	rows, err := tx.Query(ctx, codeSQL, version, formats.WithCode())
	if err != nil {
		return err
	}
	var file ref.Path
	var found formats.Model
	_, err = pgx.ForEachRow(rows, []any{&file, &found.Format, &found.Findings}, func() error {
		into.judge(file, found)
		found.Findings = nil
		return nil
	})
	return err
}

// checkUploads fails with Conflict while an upload into the version is under way. A new one waits for the model's row.
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

// publishVersion marks a draft as published by the actor, and writes what f and the request say. The caller has locked the draft.
func publishVersion(ctx context.Context, tx postgres.Tx, f frozen, in api.PublishRequest, actor string) error {
	scale := in.Scale()
	_, err := tx.Exec(ctx, publishSQL, f.id, actor, f.digest.String(), f.uri, f.size, string(f.kind), f.runtime, f.main.Inputs, f.main.Outputs,
		in.Changelog, textsOf(in.Aliases), in.Resources.JSON(), scale.Min, scale.Max, in.Deterministic)
	return err
}

// publishedFor reports whether the version's publication named each of the aliases.
func publishedFor(ctx context.Context, tx postgres.Tx, version uuid.UUID, aliases api.AliasNames) (all bool, err error) {
	err = tx.QueryRow(ctx, publishedForSQL, version, textsOf(aliases)).Scan(&all)
	return all, err
}

func textsOf(a api.AliasNames) []string {
	all := make([]string, len(a))
	for i, alias := range a {
		all[i] = string(alias)
	}
	return all
}

// readSignature returns the inputs and outputs of a version's file, as JSON. It fails with pgx.ErrNoRows if there is no such file.
func readSignature(ctx context.Context, tx postgres.Tx, version uuid.UUID, path ref.Path) (inputs, outputs json.RawMessage, err error) {
	err = tx.QueryRow(ctx, signatureSQL, version, string(path)).Scan(&inputs, &outputs)
	return inputs, outputs, err
}
