package outbox_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/share"
)

func TestEventsAreChargedToTheTenantAsItsCallsAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	caller := auth.Principal{Tenant: w.tenant, TenantName: "acme", User: uuid.New()}.Holder()
	var charged share.Holder
	outbox.Act(w.receiver, func(ctx context.Context, _ postgres.Tx, _ cloudevent.Event, _ event.UploadCompleted) error {
		charged = share.Of(ctx)
		return nil
	})

	if err := w.post(sample(t, w.tenant)); err != nil {
		t.Fatal(err)
	}

	if charged.Tenant != caller.Tenant || charged.Credential == caller.Credential {
		t.Errorf("the event is charged to %+v, a call to %+v", charged, caller)
	}
}
