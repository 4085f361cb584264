package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// receives returns what a receiver of its own, with more variables, answers a body, and its metrics.
func (w *world) receives(more map[string]string) (post func(body string) int, metrics func() string) {
	w.t.Helper()
	vars := maps.Clone(w.vars)
	maps.Copy(vars, more)
	e := env.New("test", vars, w.env.Logger())
	receiver, err := outbox.NewReceiver(e, w.db.As(postgres.Transfer), cloudevent.VerifyUpload)
	if err != nil {
		w.t.Fatal(err)
	}
	measured, err := telemetry.Open(e)
	if err != nil {
		w.t.Fatal(err)
	}
	ask := func(handler http.Handler, method, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(w.t.Context(), method, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		return answer
	}
	return func(body string) int { return ask(receiver, http.MethodPost, body).Code },
		func() string { return ask(measured.Handler(), http.MethodGet, "").Body.String() }
}

func TestUnsignedEventsTakeNoMoreRoomThanTheirLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post, metrics := w.receives(map[string]string{"MAAS_UNSIGNED_DEAD_LETTERS": "3"})
	stuffing := strings.Repeat("x", 600<<10)

	for n := range 10 {
		forged := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/maas/complete","type":"maas.upload.completed.v1","tenant":%q,"data":%q}`,
			uuid.New(), w.tenant, stuffing)
		if n%2 == 0 {
			forged = "not even an event " + uuid.NewString() + stuffing
		}
		if status := post(forged); status != http.StatusUnprocessableEntity {
			t.Errorf("answered %d", status)
		}
	}

	if rows, bytes := w.number("select count(*) from dead_letters"), w.number("select sum(length(event) + length(reason)) from dead_letters"); rows != 3 ||
		bytes > 3*5<<10 {
		t.Errorf("%d dead letters with %d bytes, want 3 with 5 KiB at most each", rows, bytes)
	}
	for _, line := range []string{`outcome="kept"} 3`, `outcome="counted"} 7`} {
		if want := `maas_unsigned_events_total{consumer="verify-upload",` + line; !strings.Contains(metrics(), want) {
			t.Errorf("the metrics have no line %s", want)
		}
	}
	if got := w.number("select count(*) from inbox"); got != 0 {
		t.Errorf("%d receipts of unsigned events", got)
	}
}

func TestASignedEventIsOneLetterHoweverItsCopiesDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post, _ := w.receives(map[string]string{"MAAS_UNSIGNED_DEAD_LETTERS": "0"})
	nobodys, err := cloudevent.New("complete", w.tenant, "", event.ModelDeleted{})
	if err != nil {
		t.Fatal(err)
	}
	var attributes map[string]any
	if err := json.Unmarshal([]byte(w.encoded(nobodys)), &attributes); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		attributes["subject"] = fmt.Sprint("copy ", n) // which the signature does not cover
		copied, err := json.Marshal(attributes)
		if err != nil {
			t.Fatal(err)
		}
		if status := post(string(copied)); status != http.StatusUnprocessableEntity {
			t.Errorf("answered %d", status)
		}
	}
	if got := w.number("select count(*) from dead_letters where signed"); got != 1 {
		t.Errorf("%d dead letters, want 1", got)
	}
}

func TestADispatcherBuriesUnsignedEventsAsReceiversDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	letters, err := outbox.OpenDeadLetters(w.env, w.db.As(postgres.Sweep))
	if err != nil {
		t.Fatal(err)
	}
	for _, encoded := range []string{w.encoded(sample(t, w.tenant)), strings.ReplaceAll(w.encoded(sample(t, w.tenant)), w.tenant.String(), uuid.NewString())} {
		if err := letters.Bury(t.Context(), cloudevent.VerifyUpload, []byte(encoded), errors.New("away")); err != nil {
			t.Fatal(err)
		}
	}
	if signed, unsigned := w.number("select count(*) from dead_letters where signed"), w.number("select count(*) from dead_letters where not signed"); signed != 1 ||
		unsigned != 1 {
		t.Errorf("%d signed and %d unsigned letters, want one of each", signed, unsigned)
	}
}

func TestALetterThatWasNotKeptWholeIsNotReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post, _ := w.receives(nil)
	_ = post(`{"specversion":"1.0","id":"1","source":"/maas/complete","type":"maas.upload.completed.v1","data":"` + strings.Repeat("x", 5<<10) + `"}`)
	letters, err := outbox.Letters(t.Context(), w.db.DB, 2)
	if err != nil || len(letters) != 1 || letters[0].Signed {
		t.Fatalf("letters are %+v, %v", letters, err)
	}
	_, err = w.events.Replay(t.Context(), w.db.DB, letters[0].ID)
	faulttest.AssertKind(t, err, fault.Unprocessable)
}

// TestALetterOfAnotherKeyIsReplayedOnceTheKeysAreTheSame has a consumer take a good event for an unsigned one, as one with another service key does.
func TestALetterOfAnotherKeyIsReplayedOnceTheKeysAreTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var acted atomic.Int32
	outbox.Act(w.receiver, func(context.Context, postgres.Tx, cloudevent.Event, event.UploadCompleted) error {
		acted.Add(1)
		return nil
	})
	post, _ := w.receives(map[string]string{"MAAS_SERVICE_KEY": strings.Repeat("o", 32)})
	_ = post(w.encoded(sample(t, w.tenant)))
	letters, err := outbox.Letters(t.Context(), w.db.DB, 2)
	if err != nil || len(letters) != 1 {
		t.Fatalf("letters are %+v, %v", letters, err)
	}
	if _, err := w.events.Replay(t.Context(), w.db.DB, letters[0].ID); err != nil || acted.Load() != 1 {
		t.Errorf("acted %d times, %v", acted.Load(), err)
	}
}

func TestDeadLettersAreForgottenByTheirAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			insert into dead_letters (id, tenant_id, consumer, event, reason, died_at, replayed_at, signed)
			select gen_random_uuid(), $1, 'verify-upload', '{}', name, now() - died, now() - replayed, signed from (values
				('unsigned, stays', interval '6 days', null, false), ('unsigned, goes', interval '8 days', null, false),
				('signed, stays', interval '89 days', null, true), ('signed, goes', interval '91 days', null, true),
				('replayed, stays', interval '40 days', interval '29 days', true), ('replayed, goes', interval '40 days', interval '31 days', true)
			) as letter (name, died, replayed, signed)`, w.tenant)
		return err
	})
	if err := outbox.Trim(t.Context(), w.db.DB); err != nil {
		t.Fatal(err)
	}
	if stayed, wrong := w.number("select count(*) from dead_letters"), w.number("select count(*) from dead_letters where reason like '%goes'"); stayed != 3 || wrong != 0 {
		t.Errorf("%d letters stayed, %d of them too old; want 3, none", stayed, wrong)
	}
}
