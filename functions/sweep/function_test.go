package function

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const tick = `{"specversion": "1.0", "id": "1", "source": "/apis/v1/namespaces/maas/pingsources/sweep", "type": "dev.knative.sources.ping"}`

func TestATickRunsMaintenance(t *testing.T) {
	t.Parallel()
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(sink.Close)
	w := transfertest.New(t, map[string]string{"K_SINK": sink.URL})
	s := w.Serve("sweep", open)
	u := w.MustBegin(transfertest.Wanted(1))
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update uploads set expires_at = now()`)
		return err
	})

	if answer := s.Send(http.MethodPost, "/", tick, "Content-Type: application/cloudevents+json"); answer.Status != http.StatusAccepted {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}

	if u := w.MustFind(u.ID); u.Status != api.UploadExpired {
		t.Errorf("status %s", u.Status)
	}
	report, err := audit.Verify(t.Context(), w.Postgres.DB, w.Owner.Tenant)
	if w.Must(err); report.Sealed == 0 || report.Broken != 0 {
		t.Errorf("chain %+v", report)
	}
}

func TestATickAsksAgainForWhatWaitsForItsHost(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	maps.Copy(w.Vars, objectstest.Environment(t))
	s := functiontest.Start(t, "sweep", New(), w.Vars)
	if err := w.Deployments.Request(t.Context(), w.Owner.Tenant, w.Published(w.Model("fraud"), "1.0.0"), ""); err != nil {
		t.Fatal(err)
	}
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update deployments set updated_at = now() - interval '1 minute'`)
		return err
	})

	s.Do(functiontest.Request{
		Method: http.MethodPost, Path: "/", Body: tick, Header: map[string]string{"Content-Type": "application/cloudevents+json"},
	})

	w.AssertWrote(event.DeploymentWanted{}, 1)
}

func TestATaskThatFailsDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"K_SINK": "http://127.0.0.1:1"}) // nobody listens
	s := w.Serve("sweep", open)
	u := w.MustComplete(transfertest.Wanted(1), []byte{0})
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update outbox set next_at = now()`)
		return err
	})

	if answer := s.Send(http.MethodPost, "/", tick, "Content-Type: application/cloudevents+json"); answer.Status != http.StatusServiceUnavailable {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}

	report, err := audit.Verify(t.Context(), w.Postgres.DB, w.Owner.Tenant)
	if w.Must(err); report.Sealed == 0 {
		t.Errorf("chain %+v of upload %s", report, u.ID)
	}
}

func TestAnythingButATickIsPoison(t *testing.T) {
	t.Parallel()
	s := transfertest.New(t).Serve("sweep", open)

	for _, text := range []string{"{}", "tick", `{"specversion": "1.0", "id": "1", "source": "/maas/complete", "type": "maas.upload.completed.v1"}`} {
		if answer := s.Send(http.MethodPost, "/", text, "Content-Type: application/cloudevents+json"); answer.Status != http.StatusUnprocessableEntity {
			t.Errorf("status %d for %s", answer.Status, text)
		}
	}
}

func TestWhatTheBrokerCouldNotDeliverIsKept(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"K_SINK": "http://127.0.0.1:1"})
	s := w.Serve("sweep", open)
	lost := `{"specversion": "1.0", "id": "1", "source": "/maas/complete", "type": "maas.upload.completed.v1", "knativeerrorcode": 503}`

	if answer := s.Send(http.MethodPost, "/undelivered/verify-upload", lost, "Content-Type: application/cloudevents+json"); answer.Status != http.StatusAccepted {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}

	letters, err := outbox.Letters(t.Context(), w.Postgres.DB, 2)
	if w.Must(err); len(letters) != 1 || letters[0].Consumer != cloudevent.VerifyUpload {
		t.Errorf("dead letters %+v", letters)
	}
}
