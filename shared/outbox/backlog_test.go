package outbox_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/telemetry"
)

func TestTheBacklogIsWhatIsStillToBeDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := env.New("sweep", w.vars, slog.New(slog.DiscardHandler))
	backlog, err := outbox.NewBacklog(e, w.db.DB)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := telemetry.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	shows := func(lines ...string) {
		t.Helper()
		if err := backlog.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		metrics.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		for _, line := range lines {
			if !strings.Contains(answer.Body.String(), "\n"+line) {
				t.Errorf("the metrics have no line that begins with %q", line)
			}
		}
	}

	shows("maas_events_oldest_seconds 0\n", "maas_dead_letters 0\n")

	w.events = w.eventsTo("http://127.0.0.1:1") // away
	w.emit(event.UploadCompleted{Upload: api.ID(uuid.New())})
	w.db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update outbox set time = now() - interval '1 hour'`)
		return err
	})
	w.leave("verify-upload", w.encoded(sample(t, w.tenant)))

	shows("maas_events_oldest_seconds 36", "maas_dead_letters 1\n")
}
