// Package function does once a minute what nothing else comes to do: what was lost is posted again, what has expired ends, what nothing
// needs goes, the audit log is sealed. A tick of Knative's PingSource, or of the one-machine host, starts it.
package function

import (
	"context"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	all, err := openChores(ctx, e, db)
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Sweep), "sweep")
	if err != nil {
		return nil, err
	}
	receiver.Look("dev.knative.sources.ping", func(ctx context.Context, _ cloudevents.Event) error { return all.do(ctx) })
	return receiver, nil
}
