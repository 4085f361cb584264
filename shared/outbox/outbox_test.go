package outbox_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a database, a receiver of verify-upload behind a real server, and an outbox whose sink it is.
type world struct {
	t        *testing.T
	vars     map[string]string
	db       postgrestest.Database
	tenant   uuid.UUID
	signer   cloudevent.Signer
	receiver *outbox.Receiver
	server   *httptest.Server
	events   *outbox.Outbox
	env      *env.Env // the receiver's
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: postgrestest.New(t), tenant: uuid.New()}
	w.vars = map[string]string{"MAAS_SERVICE_KEY": strings.Repeat("k", 32), "DATABASE_URL": w.db.URL}
	e := env.New("test", w.vars, slog.New(slog.DiscardHandler))
	var err error
	if w.signer, err = cloudevent.OpenSigner(e); err != nil {
		t.Fatal(err)
	}
	w.env = e
	if w.receiver, err = outbox.NewReceiver(e, w.db.As(postgres.Transfer), cloudevent.VerifyUpload); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w.receiver)
	t.Cleanup(func() {
		w.server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	w.events = w.eventsTo(w.server.URL)
	return w
}

// eventsTo returns an outbox with a sink of its own.
func (w *world) eventsTo(sink string) *outbox.Outbox {
	w.t.Helper()
	vars := maps.Clone(w.vars)
	vars["K_SINK"] = sink
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	w.t.Cleanup(func() { _ = e.Close(context.Background()) })
	events, err := outbox.Open(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func (w *world) emit(p event.Payload) {
	w.t.Helper()
	err := w.db.As(postgres.Transfer).Tx(w.t.Context(), w.tenant, func(tx postgres.Tx) error {
		return w.events.Emit(w.t.Context(), tx, p)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) post(e cloudevent.Event) error {
	return cloudevent.NewPoster(w.signer, w.server.URL).Post(w.t.Context(), e)
}

func (w *world) number(query string) (n int) {
	w.t.Helper()
	w.db.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, query).Scan(&n) })
	return n
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("not within 5 s: " + what)
		}
	}
}

func sample(t *testing.T, tenant uuid.UUID) cloudevent.Event {
	t.Helper()
	e, err := cloudevent.New("complete", tenant, "", event.UploadCompleted{Upload: api.ID(uuid.New())})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnEmittedEventArrivesAfterTheCommitAndIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var acted atomic.Int32
	outbox.Act(w.receiver, func(context.Context, postgres.Tx, cloudevent.Event, event.UploadCompleted) error {
		acted.Add(1)
		return nil
	})

	w.emit(event.UploadCompleted{Upload: api.ID(uuid.New())})

	w.eventually("the outbox row is done", func() bool { return w.number("select count(*) from outbox where done_at is not null") == 1 })
	if acted.Load() != 1 {
		t.Errorf("acted %d times", acted.Load())
	}
}

func TestARolledBackEventIsNeverPosted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_ = w.db.As(postgres.Transfer).Tx(t.Context(), w.tenant, func(tx postgres.Tx) error {
		if err := w.events.Emit(t.Context(), tx, event.UploadCompleted{Upload: api.ID(uuid.New())}); err != nil {
			t.Fatal(err)
		}
		return errors.New("no")
	})
	if got := w.number("select count(*) from outbox"); got != 0 {
		t.Errorf("%d rows stayed", got)
	}
}

func TestManyDeliveriesAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outbox.Act(w.receiver, func(ctx context.Context, tx postgres.Tx, _ cloudevent.Event, _ event.UploadCompleted) error {
		_, err := tx.Exec(ctx, `insert into audit_entries (id, actor, action, resource, outcome) values ($1, 'a', 'b', 'c', 'done')`, uuid.New())
		return err
	})
	e := sample(t, w.tenant)
	var racers sync.WaitGroup
	for range 8 {
		racers.Go(func() {
			if err := w.post(e); err != nil {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	if got := w.number("select count(*) from audit_entries"); got != 1 {
		t.Errorf("%d effects, want 1", got)
	}
}

func TestAFailureIsTriedAgainAndTheTenthMakesADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outbox.Wake(w.receiver, func(context.Context, cloudevent.Event, event.UploadCompleted) error { return errors.New("no") })
	e := sample(t, w.tenant)
	for try := 1; try < 10; try++ {
		if err := w.post(e); err == nil || errors.Is(err, cloudevent.ErrFinal) {
			t.Fatalf("try %d: %v, want an error that may be tried again", try, err)
		}
	}
	if err := w.post(e); err != nil {
		t.Fatalf("the tenth: %v, want it accepted", err)
	}
	if got := w.number("select count(*) from dead_letters where reason like '%10 attempts%'"); got != 1 {
		t.Errorf("%d dead letters, want 1", got)
	}
}

func TestPoisonIsRefusedForGoodAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forged := sample(t, w.tenant)
	body, err := w.signer.Encode(forged)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := cloudevent.New("complete", w.tenant, "", event.ModelDeleted{})
	if err != nil {
		t.Fatal(err)
	}
	unknownBody, err := w.signer.Encode(unknown)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no text":          "\x00\xff",
		"too much":         strings.Repeat(" ", 1<<20+1),
		"no event":         `{"hello":1}`,
		"forged tenant":    strings.ReplaceAll(string(body), w.tenant.String(), uuid.NewString()),
		"not its consumer": string(unknownBody),
	} {
		answer, err := http.Post(w.server.URL, "application/cloudevents+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d, want 422", name, answer.StatusCode)
		}
	}
	if got := w.number("select count(*) from dead_letters where event <> ''"); got != 5 {
		t.Errorf("%d dead letters with what came, want 5", got)
	}
}

func TestWhatDidNotGetThroughIsPostedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var acted, refused atomic.Int32
	outbox.Act(w.receiver, func(context.Context, postgres.Tx, cloudevent.Event, event.UploadCompleted) error {
		if refused.Add(1) == 1 {
			return errors.New("not yet")
		}
		acted.Add(1)
		return nil
	})
	w.emit(event.UploadCompleted{Upload: api.ID(uuid.New())})
	w.eventually("the first post fails", func() bool { return refused.Load() == 1 })

	if posted, err := w.events.Repost(t.Context(), w.db.DB, time.Now()); err != nil || posted != 0 {
		t.Errorf("posted %d, %v before it is due", posted, err)
	}
	if posted, err := w.events.Repost(t.Context(), w.db.DB, time.Now().Add(time.Hour)); err != nil || posted != 1 || acted.Load() != 1 {
		t.Errorf("posted %d, %v, acted %d times; want 1", posted, err, acted.Load())
	}
}

func TestAllThatIsNotDoneIsPostedOnceHoweverMuchItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var arrived atomic.Int32
	const many = 450 // more than two batches
	w.db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			insert into outbox (id, tenant_id, source, type, subject, data, attempts, next_at)
			select gen_random_uuid(), $1, '/maas/complete', $2, 'x', '{}', n % 6, now() + n * interval '8 seconds' from generate_series(1, $3) n`,
			w.tenant, event.UploadCompleted{}.EventType(), many)
		return err
	})
	sink := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { // a broker: it takes what it delivers later
		arrived.Add(1)
		rw.WriteHeader(http.StatusAccepted)
	}))
	defer sink.Close()
	posted, err := w.eventsTo(sink.URL).RepostAll(t.Context(), w.db.DB)
	if err != nil || posted != many || arrived.Load() != many {
		t.Errorf("posted %d, %v; %d arrived; want %d", posted, err, arrived.Load(), many)
	}
}

func TestTheEndOfAProcessCutsNoPostOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrived, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody listens whether the client goes
		close(arrived)
		select {
		case <-finish:
		case <-r.Context().Done():
		}
		ended <- r.Context().Err()
	}))
	t.Cleanup(sink.Close)
	vars := maps.Clone(w.vars)
	vars["K_SINK"] = sink.URL
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	var err error
	if w.events, err = outbox.Open(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.emit(event.UploadCompleted{Upload: api.ID(uuid.New())})
	<-arrived

	closed := make(chan error, 1)
	go func() { closed <- e.Close(context.Background()) }()
	time.AfterFunc(50*time.Millisecond, func() { close(finish) })

	if err := errors.Join(<-ended, <-closed); err != nil {
		t.Errorf("the post was cut off: %v", err)
	}
}

func TestNewsWithoutConsumersIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.emit(event.UploadRejected{Upload: api.ID(uuid.New())})
	if got := w.number("select count(*) from outbox where done_at is null"); got != 0 {
		t.Errorf("%d rows wait for nobody", got)
	}
}

func TestADeadLetterIsReplayedOnceItsCauseIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var broken atomic.Bool
	broken.Store(true)
	var acted atomic.Int32
	outbox.Act(w.receiver, func(context.Context, postgres.Tx, cloudevent.Event, event.UploadCompleted) error {
		if broken.Load() {
			return errors.New("no")
		}
		acted.Add(1)
		return nil
	})
	e := sample(t, w.tenant)
	for range 10 {
		_ = w.post(e)
	}
	letters, err := outbox.Letters(t.Context(), w.db.DB, 10)
	if err != nil || len(letters) != 1 || letters[0].Consumer != cloudevent.VerifyUpload || letters[0].Tenant != w.tenant {
		t.Fatalf("letters are %+v, %v", letters, err)
	}

	broken.Store(false)
	replayed, err := w.events.Replay(t.Context(), w.db.DB, letters[0].ID)

	if err != nil || replayed.Replayed == nil || acted.Load() != 1 {
		t.Errorf("replayed %+v, %v; acted %d times", replayed, err, acted.Load())
	}
	_, err = w.events.Replay(t.Context(), w.db.DB, uuid.New())
	faulttest.AssertKind(t, err, fault.NotFound)
}

func TestAnOutageMakesNoDeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	outbox.Wake(w.receiver, func(context.Context, cloudevent.Event, event.UploadCompleted) error {
		if away.Load() {
			return fault.New(fault.Unavailable, "The store is away.")
		}
		return nil
	})
	e := sample(t, w.tenant)
	for try := range 12 {
		if err := w.post(e); err == nil || errors.Is(err, cloudevent.ErrFinal) {
			t.Fatalf("try %d: %v, want an error that may be tried again", try, err)
		}
	}
	away.Store(false)
	if err := w.post(e); err != nil {
		t.Errorf("after the outage: %v", err)
	}
	if got := w.number("select count(*) from dead_letters"); got != 0 {
		t.Errorf("%d dead letters", got)
	}
}
