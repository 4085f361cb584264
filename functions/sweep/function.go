// Package function runs periodic maintenance each minute. A tick of Knative's PingSource, or of the one-machine host, starts
// it. It also keeps what Knative's broker could not deliver.
package function

import (
	"context"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/maintenance"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/transfer"
	"github.com/17882237881/MaaS/shared/usage"
)

const atOnce = 1_000 // rows of a kind that a round ends

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of Knative's ticks, each of which runs the maintenance tasks, and of undelivered events. It fails if the configuration
// is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
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
	tasks, err := maintenance.Open(e,
		maintenance.Task{Name: "post events again", Run: func(ctx context.Context) error { return second(events.Repost(ctx, db, time.Now())) }},
		maintenance.Task{Name: "wake verifications", Run: transfers.Wake},
		maintenance.Task{Name: "wake deployments", Run: deployments.Wake},
		maintenance.Task{Name: "keep deployments warm", Run: deployments.Warm},
		maintenance.Task{Name: "expire uploads", Run: transfers.Expire},
		maintenance.Task{Name: "retire versions", Run: func(ctx context.Context) error { return second(models.RetireDue(ctx, e.Name(), atOnce)) }},
		maintenance.Task{Name: "seal the audit log", Run: func(ctx context.Context) error { return audit.Seal(ctx, db) }},
		maintenance.Task{Name: "delete objects without a row", Run: transfers.Collect},
		maintenance.Task{Name: "forget done events", Run: func(ctx context.Context) error { return outbox.Trim(ctx, db) }},
		maintenance.Task{Name: "forget calls", Run: func(ctx context.Context) error { return usage.Trim(ctx, db) }},
		maintenance.Task{Name: "forget sessions", Run: func(ctx context.Context) error { return second(identity.Trim(ctx, db, atOnce)) }},
		maintenance.Task{Name: "measure the backlog", Run: backlog.Measure})
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Sweep), "sweep")
	if err != nil {
		return nil, err
	}
	receiver.LookAtMost(tasks.Interval(), "dev.knative.sources.ping", tasks.Round)
	undelivered, err := outbox.Undelivered(e, db)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", receiver)
	mux.Handle("/undelivered/", undelivered)
	return mux, nil
}

// second returns the error of a function that also returns a number.
func second[N int | int64](_ N, err error) error { return err }
