package function

import (
	"context"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/deployment"
)

// nowhere is the host where none is configured: it starts nothing, and says so in the state of what waits for it.
type nowhere struct{ deployments *deployment.Deployments }

const noHost = "no cluster host is configured, so that nothing can be started"

// Start implements deployment.Host: the version stays pending, with the reason.
func (n nowhere) Start(ctx context.Context, s deployment.Spec) error {
	return n.deployments.Request(ctx, s.Tenant, s.VersionID, noHost)
}

// Stop implements deployment.Host.
func (n nowhere) Stop(context.Context, uuid.UUID) error { return nil }

// Running implements deployment.Host.
func (n nowhere) Running(context.Context) ([]uuid.UUID, error) { return nil, nil }
