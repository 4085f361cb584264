// Package function sees to it that what is published runs on the cluster. It acts on events, which only wake it.
package function

import (
	"context"
	"errors"
	"net/http"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/functions/deploy-version/kserve"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go knows. The one-machine host does not mount it: its supervisor of runtimes is this consumer there.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of the events that wake deployments, from the broker and from Knative's ApiServerSource. It fails if the configuration
// is invalid. A process without a cluster gets a host that starts nothing.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	deployments, err := deployment.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Deployment), cloudevent.DeployVersion)
	if err != nil {
		return nil, err
	}
	host, err := openHost(e, deployments)
	if err != nil {
		return nil, err
	}
	deployments.Subscribe(receiver, host)
	receiver.Look("dev.knative.apiserver.", func(ctx context.Context, ce cloudevents.Event) error {
		version, ok := kserve.Changed(ce)
		if !ok {
			return nil // somebody else's
		}
		err := deployments.Run(ctx, host, version)
		if errors.Is(err, kserve.ErrLeaving) {
			return nil
		}
		return err
	})
	return receiver, nil
}

// openHost returns the host of the configured cluster, or one that starts nothing if there is no cluster.
func openHost(e *env.Env, d *deployment.Deployments) (deployment.Host, error) {
	host, err := kserve.Open(e, d)
	if errors.Is(err, kserve.ErrNoCluster) {
		return nowhere{d}, nil
	}
	return host, err
}
