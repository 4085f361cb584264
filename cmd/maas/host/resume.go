package host

import (
	"context"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/socket"
	"github.com/17882237881/MaaS/shared/transfer"
)

// tick is how often sweep runs, as PingSource does on a cluster.
const tick = time.Minute

// resume frees what a former process held, and fails if it cannot. In the background it then posts every unfinished event again, and calls sweep every
// minute until the process ends.
func (h *Host) resume(ctx context.Context, db *postgres.DB) error {
	transfers, err := transfer.Open(ctx, h.env)
	if err != nil {
		return err
	}
	if err := transfers.Free(ctx); err != nil {
		return err
	}
	events, err := outbox.Open(ctx, h.env)
	if err != nil {
		return err
	}
	h.env.Go(func(ctx context.Context) { // ends with the process
		if _, err := events.RepostAll(ctx, db); err != nil {
			h.log.WarnContext(ctx, "events of a former process wait for sweep", "error", err)
		}
		h.tick(ctx)
	})
	return nil
}

// tick calls sweep every minute, for the first time after a minute, and returns when ctx ends. Failures are logged.
func (h *Host) tick(ctx context.Context) {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			if err := h.sweep(ctx); err != nil {
				h.log.WarnContext(ctx, "sweep was not started", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// sweep calls the function sweep with the event that PingSource sends on a cluster, and waits for the answer for a minute at most. It fails if none
// comes; the answer's status is not looked at.
func (h *Host) sweep(ctx context.Context) error {
	ping := cloudevents.NewEvent()
	ping.SetID(uuid.NewString())
	ping.SetSource("/maas/up")
	ping.SetType("dev.knative.sources.ping")
	r, err := cloudevents.NewHTTPRequestFromEvent(ctx, h.events.URL()+"/sweep", ping)
	if err != nil {
		return err
	}
	client := &http.Client{
		Timeout:   tick, // another tick comes then
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: socket.Dialer(tick)},
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
