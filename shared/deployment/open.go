package deployment

import (
	"context"
	"errors"
	"time"

	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/telemetry"
)

type config struct {
	// Retry is the longest pause between two tries of a start that fails for a passing reason. The first is a second, and it doubles each time.
	Retry time.Duration `env:"MAAS_DEPLOYMENT_RETRY" envDefault:"60s"`
}

// Open returns the deployments over the process's pool, outbox and cache, which is told of changes. It fails if the configuration of one of them is
// invalid.
func Open(ctx context.Context, e *env.Env) (*Deployments, error) {
	var c config
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	if c.Retry < firstPause {
		return nil, errors.New("MAAS_DEPLOYMENT_RETRY is 1s or more")
	}
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	announce, err := catalog.OpenAnnounce(e)
	if err != nil {
		return nil, err
	}
	d := New(db, events, announce)
	d.longestPause = c.Retry
	d.exceeded, err = telemetry.Register(e, d.exceeded)
	return d, err
}
