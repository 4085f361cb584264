// Package function sees to it that what is published runs on the cluster. It acts on events, which only wake it.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/event"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go knows. The one-machine host does not mount it: its supervisor of runtimes is this consumer there.
func New() *serve.Function { return serve.New(open) }

func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	deployments, err := deployment.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Deployment), event.DeployVersion)
	if err != nil {
		return nil, err
	}
	deployments.Subscribe(receiver, nowhere{deployments})
	return receiver, nil
}
