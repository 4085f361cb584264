package deployment

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/socket"
)

const (
	warmTime   = 2 * time.Second // for a call: what it starts goes on without us
	warmAtOnce = 16
)

// Warm calls each version that an alias left within the last ten minutes, so that it does not become idle and a rollback is fast. It must be called
// each minute. It does not wait for a version to start.
func (d *Deployments) Warm(ctx context.Context) error {
	all, err := d.plan(ctx)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: warmTime, Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: socket.Dialer(warmTime),
	}}
	var calls errgroup.Group
	calls.SetLimit(warmAtOnce)
	for _, one := range all {
		if one.wanted && one.Warm && one.Status.Serves() {
			calls.Go(func() error { return d.warm(ctx, client, one.Desired) })
		}
	}
	return calls.Wait()
}

// warm calls a version at its endpoint. It ignores the answer, and fails only if the endpoint cannot be read.
func (d *Deployments) warm(ctx context.Context, client *http.Client, one Desired) error {
	var endpoint string
	err := d.db.Tx(ctx, one.Tenant, func(tx postgres.Tx) (err error) {
		endpoint, err = readEndpoint(ctx, tx, one.Version)
		return err
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/v2/health/ready", http.NoBody)
	if err != nil {
		return err
	}
	if answer, err := client.Do(request); err == nil {
		_ = answer.Body.Close()
	}
	return nil
}
