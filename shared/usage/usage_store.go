package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// totalsSQL takes the columns of a grouping. Of a limited key, only the calls of the models that there are now are counted.
const totalsSQL = `
	select %[1]s as day, %[2]s as model, %[3]s as version, %[4]s as actor,
		sum(requests)::bigint, sum(errors + refused)::bigint, sum(cached)::bigint, (sum(compute_us) / 1000)::bigint,
		sum(bytes_in)::bigint, sum(bytes_out)::bigint
	from usage_rollups
	where hour >= $1 and hour < $2 and ($3::text[] is null or model_id in (select id from models where maas_sees($3, id, name))) and %[5]s > $4
	group by 1, 2, 3, 4, %[5]s
	order by %[5]s
	limit $5`

// totals returns up to q.Size+1 rows of usage between from and to, grouped as the request asks, after its cursor. A caller with limits gets only
// the calls of models that it sees.
func totals(ctx context.Context, tx postgres.Tx, who auth.Principal, q api.UsageRequest, from, to time.Time) ([]api.UsageRow, error) {
	g := groups()[q.GroupBy]
	found, err := tx.Query(ctx, fmt.Sprintf(totalsSQL, g.day, g.model, g.version, g.key, g.order), from, to, who.Terms(), q.After, q.Size+1)
	if err != nil {
		return nil, err
	}
	interval := from.Format(time.RFC3339) + "/" + to.Format(time.RFC3339)
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (r api.UsageRow, err error) {
		err = row.Scan(&r.Period, &r.Model, &r.Version, &r.Key, &r.Requests, &r.Errors, &r.Cached, &r.ComputeMS, &r.BytesIn, &r.BytesOut)
		if r.Period == "" {
			r.Period = interval
		}
		return r, err
	})
}

const (
	modelSQL = `select id from models where name = $1`
	statsSQL = `
		select version, sum(requests)::bigint, sum(errors)::bigint, sum(refused)::bigint, sum(cached)::bigint, sum(cold_starts)::bigint,
			sum(queue_us)::bigint, sum(cold_start_us)::bigint
		from usage_rollups where model_id = $1 and hour >= $2 group by version`
	latenciesSQL = `
		select version, bucket, sum(calls)::bigint from usage_latencies where model_id = $1 and hour >= $2 group by version, bucket order by bucket`
)

// sums are what statsSQL gives of a version.
type sums struct {
	requests, errors, refused, cached, coldStarts, queueUS, coldUS int64
}

// add adds other sums.
func (s *sums) add(t sums) {
	s.requests += t.requests
	s.errors += t.errors
	s.refused += t.refused
	s.cached += t.cached
	s.coldStarts += t.coldStarts
	s.queueUS += t.queueUS
	s.coldUS += t.coldUS
}

// findModel returns the id of the model that has the name now. It fails with NotFound if there is none or the caller may not see it.
func findModel(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, modelSQL, string(m.Name)).Scan(&id)
	if postgres.NotFound(err) || err == nil && !who.Sees(m, id) {
		return id, noModel(m)
	}
	return id, err
}

// readSums returns the sums of a model's calls since the time, by version.
func readSums(ctx context.Context, tx postgres.Tx, model uuid.UUID, since time.Time) (map[string]sums, error) {
	rows, err := tx.Query(ctx, statsSQL, model, since)
	if err != nil {
		return nil, err
	}
	all := map[string]sums{}
	var (
		version string
		s       sums
	)
	_, err = pgx.ForEachRow(rows, []any{&version, &s.requests, &s.errors, &s.refused, &s.cached, &s.coldStarts, &s.queueUS, &s.coldUS}, func() error {
		all[version] = s
		return nil
	})
	return all, err
}

// readLatencies returns the latencies of a model's calls since the time, by version.
func readLatencies(ctx context.Context, tx postgres.Tx, model uuid.UUID, since time.Time) (map[string]histogram, error) {
	rows, err := tx.Query(ctx, latenciesSQL, model, since)
	if err != nil {
		return nil, err
	}
	all := map[string]histogram{}
	var (
		version string
		bucket  int
		calls   int64
	)
	_, err = pgx.ForEachRow(rows, []any{&version, &bucket, &calls}, func() error {
		if all[version] == nil {
			all[version] = histogram{}
		}
		all[version][bucket] += calls
		return nil
	})
	return all, err
}

const trimSQL = `select usage_trim($1)`

const recordSQL = `select usage_record($1, $2, $3, $4)`

// grouping is how rows are made: what they name, and the text that tells them apart and orders them.
type grouping struct{ day, model, version, key, order string }

// groups returns the SQL expressions of each way to group rows.
func groups() map[api.UsageGroup]grouping {
	const none = `''`
	return map[api.UsageGroup]grouping{
		api.ByModel:   {none, "model", none, none, "model"},
		api.ByVersion: {none, "model", "version", none, "model || '@' || version"},
		api.ByKey:     {none, none, none, "actor", "actor"},
		api.ByDay:     {"to_char(hour at time zone 'utc', 'YYYY-MM-DD')", none, none, none, "to_char(hour at time zone 'utc', 'YYYY-MM-DD')"},
	}
}

// dropDays deletes the single calls of all tenants before the day; their sums stay.
func dropDays(ctx context.Context, tx postgres.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, trimSQL, before.Format(time.DateOnly))
	return err
}

// insertCalls adds a batch's calls, as JSON, to the ledger. Calls of the pod whose numbers are recorded already are not added again.
func insertCalls(ctx context.Context, tx postgres.Tx, batch event.InferenceCompleted, calls []byte) error {
	_, err := tx.Exec(ctx, recordSQL, batch.Pod, batch.First, batch.Last, calls)
	return err
}
