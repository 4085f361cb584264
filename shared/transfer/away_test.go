package transfer_test

import (
	"bytes"
	"context"
	"maps"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfer"
	"github.com/17882237881/MaaS/shared/transfertest"
)

// cutOff returns a world, and use cases that reach what the variable names through a proxy.
func cutOff(t *testing.T, variable string) (*transfertest.World, *transfer.Transfers, *toxiproxy.Proxy) {
	t.Helper()
	w := transfertest.New(t, map[string]string{"S3_DIAL_TIMEOUT": "500ms", "S3_ANSWER_TIMEOUT": "500ms", "DATABASE_CONNECT_TIMEOUT": "500ms"})
	vars := maps.Clone(w.Vars)
	address, proxy := through(t, vars[variable])
	vars[variable] = address
	cut := w.Open(vars)
	return w, cut, proxy
}

// TestNothingIsLostWhileTheStoreIsAway does each step of an upload without the store, and then with it.
func TestNothingIsLostWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	w, cut, proxy := cutOff(t, "S3_ENDPOINT")
	file := model(t)
	in := transfertest.Wanted(len(file))
	proxy.Stop()
	_, err := cut.Begin(t.Context(), w.Owner, in)
	faulttest.AssertKind(t, err, fault.Unavailable)
	if n := count(t, w, `select (select count(*) from uploads) + (select count(*) from versions)`); n != 0 {
		t.Errorf("%d rows are left of an upload that was not opened", n)
	}

	u := w.MustBegin(in)
	chunk := transfertest.ChunkOf(u, 0, file)
	_, err = cut.Receive(t.Context(), w.Owner, chunk, bytes.NewBuffer(file))
	faulttest.AssertKind(t, err, fault.Unavailable)
	_, err = w.Receive(t.Context(), w.Owner, chunk, bytes.NewBuffer(file)) // the same bytes at once
	w.Must(err)

	complete := api.CompleteRequest{ID: u.ID, Chunks: []ref.Digest{ref.SumOf(file)}}
	_, err = cut.Complete(t.Context(), w.Owner, complete)
	faulttest.AssertKind(t, err, fault.Unavailable)
	_, err = w.Complete(t.Context(), w.Owner, complete)
	w.Must(err)

	faulttest.AssertKind(t, cut.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)), fault.Unavailable)
	if u := w.MustVerify(u.ID); u.Status != api.UploadReady { // at once: the turn was given back
		t.Errorf("%+v", u)
	}
}

func TestNothingIsLostWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w, cut, proxy := cutOff(t, "DATABASE_URL")
	file := model(t)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	proxy.Stop()

	_, err := cut.Begin(t.Context(), w.Owner, transfertest.Wanted(1))
	faulttest.AssertKind(t, err, fault.Unavailable)
	if n := unfinished(t, w); n != 1 {
		t.Errorf("%d multiparts, want that of the upload that was opened", n)
	}
	_, err = cut.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, file), bytes.NewBuffer(file))
	faulttest.AssertKind(t, err, fault.Unavailable)
	_, err = cut.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.Unavailable)
	faulttest.AssertKind(t, cut.Verify(t.Context(), w.Owner.Tenant, uuid.UUID(u.ID)), fault.Unavailable)

	w.Must(proxy.Start())
	sent, err := cut.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, file), bytes.NewBuffer(file))
	if w.Must(err); sent.Received != u.Size {
		t.Errorf("%+v", sent)
	}
}

// TestAnUploadWhoseOpeningWasNotAnsweredCanBeSent loses the database while it commits.
func TestAnUploadWhoseOpeningWasNotAnsweredCanBeSent(t *testing.T) {
	t.Parallel()
	w, cut, proxy := cutOff(t, "DATABASE_URL")
	change(t, w, `create function held() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return null; end $$`)
	change(t, w, `create constraint trigger held after insert on uploads deferrable initially deferred for each row execute function held()`)
	file := model(t)
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error { // whose end frees the lock
		if _, err := conn.Exec(ctx, `select pg_advisory_lock(1)`); err != nil {
			return err
		}
		begun := make(chan error, 1)
		go func() {
			_, err := cut.Begin(ctx, w.Owner, transfertest.Wanted(len(file)))
			begun <- err
		}()
		becomes(t, w, 1, `select count(*) from pg_locks where locktype = 'advisory' and not granted`)
		proxy.Stop()
		faulttest.AssertKind(t, <-begun, fault.Unavailable)
		return nil
	})
	becomes(t, w, 1, `select count(*) from uploads`)

	var id uuid.UUID
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select id from uploads`).Scan(&id)
	})
	w.MustSend(w.MustFind(api.ID(id)), file)
}

// becomes waits until the query says so many.
func becomes(t *testing.T, w *transfertest.World, want int, sql string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := count(t, w, sql)
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %d, want %d", sql, got, want)
		}
	}
}

// TestAChunkWhoseRowCouldNotBeSettledIsSentAgain loses the database between the store's answer and ours.
func TestAChunkWhoseRowCouldNotBeSettledIsSentAgain(t *testing.T) {
	t.Parallel()
	w, cut, proxy := cutOff(t, "DATABASE_URL")
	u := w.MustBegin(transfertest.Wanted(raced))
	body := &gated{content: bytesOf(1), half: proxy.Stop}

	_, err := cut.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), body)

	faulttest.AssertKind(t, err, fault.Unavailable)
	if u := w.MustFind(u.ID); u.Received != 0 {
		t.Errorf("%d bytes are received, though nobody was told so", u.Received)
	}
	_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), bytes.NewReader(bytesOf(1)))
	w.Must(err)
}

// TestChunksThatTheStoreLostAreMissing takes the store's part away behind our back.
func TestChunksThatTheStoreLostAreMissing(t *testing.T) {
	t.Parallel()
	w, file := transfertest.New(t), large(t)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	chunks := w.MustSend(u, file)
	change(t, w, `alter table upload_chunks disable trigger upload_chunks_guard`)
	other := ref.SumOf([]byte("what the store does not have"))
	change(t, w, `update upload_chunks set sha256 = $1 where index = 1`, other.Bytes())
	chunks[1] = other

	_, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: chunks})

	faulttest.AssertKind(t, err, fault.Conflict, "missing")
	if u := w.MustFind(u.ID); u.Status != api.UploadOpen || len(u.Missing) != 1 || u.Missing[0] != (api.ChunkRange{1, 1}) {
		t.Errorf("%+v", u)
	}
	again, err := w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: w.MustSend(u, file)})
	w.Must(err)
	if u := w.MustVerify(again.ID); u.Status != api.UploadReady {
		t.Errorf("%+v", u)
	}
}
