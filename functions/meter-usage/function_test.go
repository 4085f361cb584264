package function

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is the function over a database.
type ledger struct {
	*identitytest.World

	f *functiontest.Function
	t *testing.T
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	w := identitytest.New(t)
	return &ledger{w, functiontest.Start(t, "meter-usage", New(), w.Vars), t}
}

// batch returns one of n calls of the world's owner.
func (l *ledger) batch(pod uuid.UUID, first, n int64) event.InferenceCompleted {
	l.t.Helper()
	v, err := ref.ParseVersion("1.4.0")
	if err != nil {
		l.t.Fatal(err)
	}
	b := event.InferenceCompleted{Pod: api.ID(pod), First: first, Last: first + n - 1}
	for i := range n {
		b.Calls = append(b.Calls, event.InferenceCall{
			Number: first + i, Time: time.Now().UTC(), Tenant: api.ID(l.Owner.Tenant), Request: "r", Model: ref.Model{Tenant: "acme", Name: "fraud"},
			Version: v, VersionID: api.ID(uuid.New()), Actor: "key:k", Status: http.StatusOK, Total: 1500, BytesIn: 10, BytesOut: 20,
		})
	}
	return b
}

// post sends an event, and returns the status.
func (l *ledger) post(e cloudevent.Event) int {
	l.t.Helper()
	signer, err := cloudevent.OpenSigner(l.Env)
	if err != nil {
		l.t.Fatal(err)
	}
	body, err := signer.Encode(e)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.f.Do(functiontest.Request{
		Method: http.MethodPost, Path: "/", Body: string(body), Header: map[string]string{"Content-Type": "application/cloudevents+json"},
	}).Status
}

func (l *ledger) eventOf(b event.InferenceCompleted) cloudevent.Event {
	l.t.Helper()
	e, err := cloudevent.New("infer", uuid.Nil, "", b)
	if err != nil {
		l.t.Fatal(err)
	}
	return e
}

// requests returns the sums of the events and of the rollups.
func (l *ledger) requests() (events, rollups int64) {
	l.t.Helper()
	l.Postgres.Owner(l.t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select (select count(*) from usage_events), (select coalesce(sum(requests), 0)::bigint from usage_rollups)`).Scan(&events, &rollups)
	})
	return events, rollups
}

func TestABatchIsRecorded(t *testing.T) {
	t.Parallel()
	l := newLedger(t)

	if status := l.post(l.eventOf(l.batch(uuid.New(), 1, 3))); status != http.StatusAccepted {
		t.Errorf("status %d", status)
	}

	if events, rollups := l.requests(); events != 3 || rollups != 3 {
		t.Errorf("%d events, %d in the sums", events, rollups)
	}
}

func TestABatchThatComesTwiceIsRecordedOnce(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	b := l.batch(uuid.New(), 1, 3)
	e := l.eventOf(b)

	for _, again := range []cloudevent.Event{e, e, l.eventOf(b)} { // the same delivery, and the same calls under another id
		if status := l.post(again); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
	}

	if events, rollups := l.requests(); events != 3 || rollups != 3 {
		t.Errorf("%d events, %d in the sums", events, rollups)
	}
}

func TestBatchesOfManyPodsAddUp(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	done := make(chan int)
	for range 4 {
		e := l.eventOf(l.batch(uuid.New(), 1, 50))
		go func() { done <- l.post(e) }() // ends with the post
	}
	for range 4 {
		if status := <-done; status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
	}
	if events, rollups := l.requests(); events != 200 || rollups != 200 {
		t.Errorf("%d events, %d in the sums", events, rollups)
	}
}

func TestWhatIsNotSignedIsRefused(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	status := l.f.Do(functiontest.Request{Method: http.MethodPost, Path: "/", Body: `{"specversion":"1.0"}`}).Status
	if status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
}

func TestCalledVersionsAreToldToTheirDeployments(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	version := w.Ready(w.Model("fraud"), "1.4.0")
	l := &ledger{w.World, functiontest.Start(t, "meter-usage", New(), w.Vars), t}
	b := l.batch(uuid.New(), 1, 1)
	b.Calls[0].VersionID = api.ID(version)

	l.post(l.eventOf(b))

	for end := time.Now().Add(30 * time.Second); w.Count(`select count(*) from deployments where last_called > now() - interval '1 minute'`) == 0; {
		if time.Now().After(end) {
			t.Fatal("the deployment was not told")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
