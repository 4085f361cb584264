// Package usage is the ledger: what was called by whom, summed by the hour. meter-usage writes it, the usage function reads it.
package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Ledger answers for what was used. It is safe for concurrent use.
type Ledger struct{ db *postgres.DB }

// Open returns the process's ledger.
func Open(ctx context.Context, e *env.Env) (*Ledger, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return &Ledger{db.As(postgres.Usage)}, nil
}

const (
	defaultSpan = 30 * 24 * time.Hour
	maxSpan     = 400 * 24 * time.Hour
	maxAhead    = 25 * time.Hour // a day, and what To is rounded up by
)

// span returns the interval of a request, extended to whole hours. Without To it ends now, and without From it begins 30 days before its end. It
// fails with Invalid, and names the field, if from is not before to, to is more than a day ahead, or it is longer than 400 days.
func span(q api.UsageRequest, now time.Time) (from, to time.Time, err error) {
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

// Totals returns the tenant's usage in an interval, by model unless the request groups it otherwise. It fails with
// Invalid for an interval that cannot be.
func (l *Ledger) Totals(ctx context.Context, who auth.Principal, q api.UsageRequest) (page.Page[api.UsageRow], error) {
	from, to, err := span(q, time.Now())
	if err != nil {
		return page.Page[api.UsageRow]{}, err
	}
	if q.GroupBy == "" {
		q.GroupBy = api.ByModel
	}
	var rows []api.UsageRow
	err = l.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		rows, err = totals(ctx, tx, who, q, from, to)
		return err
	})
	if err != nil {
		return page.Page[api.UsageRow]{}, err
	}
	return page.Of(q.Request, rows, func(r api.UsageRow) string { return cursorOf(q.GroupBy, r) }), nil
}

// cursorOf returns the cursor of a row when rows are grouped by g: the text that orders them.
func cursorOf(g api.UsageGroup, r api.UsageRow) string {
	switch g {
	case api.ByVersion:
		return r.Model + "@" + r.Version
	case api.ByKey:
		return r.Key
	case api.ByDay:
		return r.Period
	default:
		return r.Model
	}
}

// Record adds a batch of calls to the ledger. Calls that are there already are not added again.
func Record(ctx context.Context, tx postgres.Tx, batch event.InferenceCompleted) error {
	calls, err := json.Marshal(batch.Calls)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	return insertCalls(ctx, tx, batch, calls)
}
