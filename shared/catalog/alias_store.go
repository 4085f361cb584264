package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/postgres"
)

// aliasJSON renders the row a as an Alias; the last move's before is where one led previously.
const aliasJSON = `
	json_build_object('alias', a.alias, 'kind', a.kind, 'traffic', a.traffic, 'moved_by', a.moved_by, 'moved_at', a.moved_at, 'why', a.why,
		'previous', coalesce((select m.before from alias_moves m where m.model_id = a.model_id and m.alias = a.alias and m.before <> m.after
			order by m.seq desc limit 1), '[]'))`

const aliasSQL = `
	select ` + aliasJSON + `
	from aliases a
	where a.model_id = $1`

const (
	readAliasSQL   = aliasSQL + ` and a.alias = $2`
	listAliasesSQL = aliasSQL + ` and a.alias > $2 collate "C" order by a.alias collate "C" limit $3`
	listMovesSQL   = `
		select json_build_object('seq', seq, 'alias', alias, 'from', before, 'to', after, 'moved_by', moved_by, 'moved_at', moved_at, 'why', why)
		from alias_moves where model_id = $1 and alias = $2 and seq < $3
		order by seq desc limit $4`
	putAliasSQL = `
		insert into aliases (model_id, alias, kind, traffic, moved_by, moved_at, why) values ($1, $2, $3, $4, $5, clock_timestamp(), $6)
		on conflict (model_id, alias) do update set kind = excluded.kind, traffic = excluded.traffic, moved_by = excluded.moved_by,
			moved_at = excluded.moved_at, why = excluded.why`
	dropAliasSQL  = `delete from aliases where model_id = $1 and alias = $2`
	insertMoveSQL = `
		insert into alias_moves (model_id, alias, moved_by, before, after, why) values ($1, $2, $3, $4, $5, $6)`
)

// readAlias returns an alias of the model. If it does not exist, it returns one without traffic, and no error.
func readAlias(ctx context.Context, tx postgres.Tx, model uuid.UUID, alias ref.Alias) (a api.Alias, err error) {
	err = tx.QueryRow(ctx, readAliasSQL, model, string(alias)).Scan(&a)
	if postgres.NotFound(err) {
		return api.Alias{Alias: alias, Traffic: api.Traffic{}}, nil
	}
	return a, err
}

// listAliases returns up to in.Size+1 of the model's aliases, ordered by name, from behind the name in.After on.
func listAliases(ctx context.Context, tx postgres.Tx, model uuid.UUID, in page.Request) ([]api.Alias, error) {
	rows, err := tx.Query(ctx, listAliasesSQL, model, in.After, in.Size+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[api.Alias])
}

// listMoves returns up to most moves of an alias whose Seq is below before, the newest first.
func listMoves(ctx context.Context, tx postgres.Tx, model uuid.UUID, alias ref.Alias, before int64, most int) ([]api.AliasMove, error) {
	rows, err := tx.Query(ctx, listMovesSQL, model, string(alias), before, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[api.AliasMove])
}

const leadingToSQL = `
	select alias from aliases
	where model_id = $1 and kind = $3 and traffic @> jsonb_build_array(jsonb_build_object('version', $2::text))
	order by alias`

const trafficSQL = `select traffic from aliases where model_id = $1 and alias = $2`

// trafficOf returns an alias's traffic. It fails with NotFound if the alias does not exist.
func trafficOf(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, alias ref.Alias) (traffic api.Traffic, err error) {
	err = tx.QueryRow(ctx, trafficSQL, model, string(alias)).Scan(&traffic)
	if postgres.NotFound(err) {
		return nil, noVersion(name, string(alias))
	}
	return traffic, err
}

// overtakenSQL tells whether an alias was moved after a version was published ($3), but by an earlier publication, which was ready later.
const overtakenSQL = `
	select exists (select from aliases a where a.model_id = $1 and a.alias = $2 and a.moved_at > $3 and not (a.moved_by = $4 and exists (
		select from versions v where v.model_id = a.model_id and v.published_at < $3 and a.alias = any (v.aliases)
			and a.traffic @> jsonb_build_array(jsonb_build_object('version', v.version)))))`

// setAliasTo returns the first alias by name that somebody set and whose traffic names the version, "" if there is none. Aliases that follow by themselves
// (latest, v1) do not count, even if they were rolled back to the version.
func setAliasTo(ctx context.Context, tx postgres.Tx, model uuid.UUID, v ref.Version) (ref.Alias, error) {
	rows, err := tx.Query(ctx, leadingToSQL, model, v.String(), string(api.AliasSet))
	if err != nil {
		return "", err
	}
	aliases, err := pgx.CollectRows(rows, pgx.RowTo[ref.Alias])
	if i := slices.IndexFunc(aliases, func(a ref.Alias) bool { return !a.Derived() }); i >= 0 {
		return aliases[i], err
	}
	return "", err
}

// putAlias writes the alias's row as after has it, and a move from before to after into its history. If after has no traffic the row is deleted.
func putAlias(ctx context.Context, tx postgres.Tx, model uuid.UUID, before, after api.Alias) error {
	var err error
	if len(after.Traffic) == 0 {
		_, err = tx.Exec(ctx, dropAliasSQL, model, string(after.Alias))
	} else {
		_, err = tx.Exec(ctx, putAliasSQL, model, string(after.Alias), string(after.Kind), after.Traffic, after.MovedBy, after.Why)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertMoveSQL, model, string(after.Alias), after.MovedBy, before.Traffic, after.Traffic, after.Why)
	return err
}

// movedSince reports whether the alias's last move is later than the time published. It reports false if the actor made that move to a version that was
// published earlier and asked for the alias: that version only became ready later.
func movedSince(ctx context.Context, tx postgres.Tx, model uuid.UUID, alias ref.Alias, published time.Time, actor string) (moved bool, err error) {
	err = tx.QueryRow(ctx, overtakenSQL, model, string(alias), published, actor).Scan(&moved)
	return moved, err
}
