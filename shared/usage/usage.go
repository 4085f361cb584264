// Package usage is the ledger: what was called by whom, summed by the hour. meter-usage writes it, the usage function reads it.
package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/event"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Ledger answers for what was used. It is safe for concurrent use.
type Ledger struct{ db *postgres.DB }

// Open gives the process's ledger.
func Open(ctx context.Context, e *env.Env) (*Ledger, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return &Ledger{db.As(postgres.Usage)}, nil
}

// Row is the usage of what it names; what it does not name is "".
type Row struct {
	Period    string `json:"period"` // a day, or the interval that was asked for
	Model     string `json:"model"`
	Version   string `json:"version"`
	Key       string `json:"key"` // "key:<id>" or "user:<id>"
	Requests  int64  `json:"requests"`
	Errors    int64  `json:"errors"` // answered with a status of 400 or more
	Cached    int64  `json:"cached"`
	ComputeMS int64  `json:"compute_ms"`
	BytesIn   int64  `json:"bytes_in"`
	BytesOut  int64  `json:"bytes_out"`
	TokensIn  int64  `json:"tokens_in"`
	TokensOut int64  `json:"tokens_out"`
}

// Query asks for sums over whole hours.
type Query struct {
	page.Request

	From    time.Time `query:"from"`     // rounded down to the hour; 30 days before To by default
	To      time.Time `query:"to"`       // rounded up to the hour; now by default
	GroupBy Group     `query:"group_by"` // ByModel by default
}

// Group is what rows are made for.
type Group string

// What usage can be grouped by.
const (
	ByModel   Group = "model"
	ByVersion Group = "version"
	ByKey     Group = "key"
	ByDay     Group = "day"
)

// UnmarshalText checks a group.
func (g *Group) UnmarshalText(text []byte) error {
	*g = Group(text)
	if _, ok := groups()[*g]; !ok {
		return fault.New(fault.Invalid, "must be model, version, key or day", fault.Field("group_by"))
	}
	return nil
}

// grouping is how rows are made: what they name, and the text that tells them apart and orders them.
type grouping struct{ day, model, version, key, order string }

func groups() map[Group]grouping {
	const none = `''`
	return map[Group]grouping{
		ByModel:   {none, "model", none, none, "model"},
		ByVersion: {none, "model", "version", none, "model || '@' || version"},
		ByKey:     {none, none, none, "actor", "actor"},
		ByDay:     {"to_char(hour at time zone 'utc', 'YYYY-MM-DD')", none, none, none, "to_char(hour at time zone 'utc', 'YYYY-MM-DD')"},
	}
}

const (
	defaultSpan = 30 * 24 * time.Hour
	maxSpan     = 400 * 24 * time.Hour
	maxAhead    = 25 * time.Hour // a day, and what To is rounded up by
)

// span gives the interval in whole hours.
func (q *Query) span(now time.Time) (from, to time.Time, err error) {
	if to = q.To; to.IsZero() {
		to = now
	}
	if !to.Truncate(time.Hour).Equal(to) {
		to = to.Truncate(time.Hour).Add(time.Hour)
	}
	if from = q.From.Truncate(time.Hour); q.From.IsZero() {
		from = to.Add(-defaultSpan)
	}
	switch {
	case to.After(now.Add(maxAhead)):
		return from, to, fault.New(fault.Invalid, "must be at most a day in the future", fault.Field("to"))
	case !from.Before(to):
		return from, to, fault.New(fault.Invalid, "must be before to", fault.Field("from"))
	case to.Sub(from) > maxSpan+time.Hour:
		return from, to, fault.New(fault.Invalid, "must be at most 400 days before to", fault.Field("from"))
	default:
		return from.UTC(), to.UTC(), nil
	}
}

// Totals gives the tenant's usage.
func (l *Ledger) Totals(ctx context.Context, who auth.Principal, q Query) (page.Page[Row], error) {
	from, to, err := q.span(time.Now())
	if err != nil {
		return page.Page[Row]{}, err
	}
	if q.GroupBy == "" {
		q.GroupBy = ByModel
	}
	var rows []Row
	err = l.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		rows, err = totals(ctx, tx, who, q, from, to)
		return err
	})
	if err != nil {
		return page.Page[Row]{}, err
	}
	return page.Of(q.Request, rows, q.GroupBy.cursor), nil
}

// cursor is the row's place in the order of its group.
func (g Group) cursor(r Row) string {
	switch g {
	case ByVersion:
		return r.Model + "@" + r.Version
	case ByKey:
		return r.Key
	case ByDay:
		return r.Period
	default:
		return r.Model
	}
}

const recordSQL = `select usage_record($1, $2, $3, $4)`

// Record adds a batch of calls to the ledger. What is there already is not added again.
func Record(ctx context.Context, tx postgres.Tx, batch event.InferenceCompleted) error {
	calls, err := json.Marshal(batch.Calls)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	_, err = tx.Exec(ctx, recordSQL, batch.Pod, batch.First, batch.Last, calls)
	return err
}
