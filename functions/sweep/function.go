// Package function does each minute what nothing else comes to do. A tick of Knative's PingSource, or of the one-machine host, starts it.
// It also keeps what Knative's broker could not deliver.
package function

import (
	"context"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/chore"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/transfer"
	"github.com/17882237881/MaaS/shared/usage"
)

const atOnce = 1_000 // rows of a kind that a round ends

// config has the least time between the beginnings of two rounds: a tick that comes sooner, or during a round, is merged into that round.
type config struct {
	Interval time.Duration `env:"MAAS_SWEEP_INTERVAL" envDefault:"10s"`
}

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	var c config
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	transfers, err := transfer.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	models, err := catalog.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	deployments, err := deployment.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	backlog, err := outbox.NewBacklog(e, db)
	if err != nil {
		return nil, err
	}
	chores := []chore.Chore{
		{Name: "post events again", Do: func(ctx context.Context) error { return second(events.Repost(ctx, db, time.Now())) }},
		{Name: "wake verifications", Do: transfers.Wake},
		{Name: "wake deployments", Do: deployments.Wake},
		{Name: "keep deployments warm", Do: deployments.Warm},
		{Name: "expire uploads", Do: transfers.Expire},
		{Name: "retire versions", Do: func(ctx context.Context) error { return second(models.RetireDue(ctx, e.Name(), atOnce)) }},
		{Name: "seal the audit log", Do: func(ctx context.Context) error { return audit.Seal(ctx, db) }},
		{Name: "delete objects without a row", Do: transfers.Collect},
		{Name: "forget done events", Do: func(ctx context.Context) error { return outbox.Trim(ctx, db) }},
		{Name: "forget calls", Do: func(ctx context.Context) error { return usage.Trim(ctx, db) }},
		{Name: "forget sessions", Do: func(ctx context.Context) error { return second(identity.Trim(ctx, db, atOnce)) }},
		{Name: "measure the backlog", Do: backlog.Measure},
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Sweep), "sweep")
	if err != nil {
		return nil, err
	}
	receiver.LookAtMost(c.Interval, "dev.knative.sources.ping", func(ctx context.Context) error { return chore.Round(ctx, chores) })
	undelivered, err := outbox.Undelivered(e, db)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", receiver)
	mux.Handle("/undelivered/", undelivered)
	return mux, nil
}

func second[N int | int64](_ N, err error) error { return err }
