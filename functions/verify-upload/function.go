// Package function checks completed uploads, in bounded steps that events start, and ends those of deleted models.
package function

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/transfer"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of the events that verify uploads, or end those of deleted models. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	transfers, err := transfer.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	receiver, err := outbox.NewReceiver(e, db.As(postgres.Transfer), cloudevent.VerifyUpload)
	if err != nil {
		return nil, err
	}
	outbox.Wake(receiver, func(ctx context.Context, e cloudevent.Event, p event.UploadCompleted) error {
		return transfers.Verify(ctx, e.Tenant, uuid.UUID(p.Upload))
	})
	outbox.Wake(receiver, func(ctx context.Context, e cloudevent.Event, p event.UploadVerifying) error {
		return transfers.Verify(ctx, e.Tenant, uuid.UUID(p.Upload))
	})
	outbox.Wake(receiver, func(ctx context.Context, e cloudevent.Event, _ event.ModelDeleted) error {
		return transfers.ModelDeleted(ctx, e.Tenant)
	})
	return receiver, nil
}
