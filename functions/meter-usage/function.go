// Package function writes the ledger: each event maas.inference.completed is a batch of calls that a gateway has answered. Its 2xx tells
// the gateway that the batch is committed.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/usage"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of the events that carry a gateway's calls, and records which versions are in use. It fails if a setting is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	deployments, err := deployment.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Usage), cloudevent.MeterUsage)
	if err != nil {
		return nil, err
	}
	inUse := &useReporter{e.Logger(), deployments, make(chan event.InferenceCompleted, 16)}
	e.Go(inUse.run)
	outbox.Act(receiver, func(ctx context.Context, tx postgres.Tx, _ cloudevent.Event, batch event.InferenceCompleted) error {
		tx.OnCommit(func() { inUse.note(batch) })
		return usage.Record(ctx, tx, batch)
	})
	return receiver, nil
}
