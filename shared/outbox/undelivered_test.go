package outbox_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// leave posts what a broker gave up, with what Knative's adds to it, and returns the status.
func (w *world) leave(consumer, encoded string) int {
	w.t.Helper()
	return w.leaveWith(w.db.DB, consumer, encoded)
}

func (w *world) leaveWith(db *postgres.DB, consumer, encoded string) int {
	w.t.Helper()
	sink, err := outbox.Undelivered(env.New("sweep", w.vars, slog.New(slog.DiscardHandler)), db)
	if err != nil {
		w.t.Fatal(err)
	}
	body := strings.Replace(encoded, "{", `{"knativeerrordest":"http://verify-upload.maas","knativeerrorcode":503,"knativearrivaltime":"now",`+
		`"knativeerrordata":"`+base64.StdEncoding.EncodeToString([]byte("no route"))+`",`, 1)
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/undelivered/"+consumer, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	answer := httptest.NewRecorder()
	sink.ServeHTTP(answer, r)
	return answer.Code
}

func (w *world) encoded(e cloudevent.Event) string {
	w.t.Helper()
	text, err := w.signer.Encode(e)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func TestWhatABrokerCouldNotDeliverIsKeptAsItWasPosted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost := sample(t, w.tenant)
	for range 2 {
		if status := w.leave("verify-upload", w.encoded(lost)); status != http.StatusAccepted {
			t.Fatalf("answered %d", status)
		}
	}

	letters, err := outbox.Letters(t.Context(), w.db.DB, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d letters, %v; want 1", len(letters), err)
	}
	kept := letters[0]
	if want := "not delivered: http://verify-upload.maas answered 503 no route"; kept.Consumer != cloudevent.VerifyUpload || kept.Reason != want {
		t.Errorf("kept for %s because of %q, want %q", kept.Consumer, kept.Reason, want)
	}
	var got, want map[string]any
	if json.Unmarshal([]byte(kept.Event), &got) != nil || json.Unmarshal([]byte(w.encoded(lost)), &want) != nil || len(got) != len(want) {
		t.Errorf("kept as %s, was %s", kept.Event, w.encoded(lost))
	}
}

func TestPoisonIsKeptOnceThoughTheBrokerGivesItUpToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	poison := strings.ReplaceAll(w.encoded(sample(t, w.tenant)), w.tenant.String(), uuid.NewString())
	answer, err := http.Post(w.server.URL, "application/cloudevents+json", strings.NewReader(poison))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()

	if status := w.leave("verify-upload", poison); status != http.StatusAccepted {
		t.Errorf("answered %d", status)
	}
	if got := w.number("select count(*) from dead_letters"); got != 1 {
		t.Errorf("%d dead letters, want 1", got)
	}
}

func TestWhatIsNoEventOrForNobodyIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for consumer, body := range map[string]string{"verify-upload": `{"hello":1}`, "nobody": w.encoded(sample(t, w.tenant))} {
		if status := w.leave(consumer, body); status != http.StatusUnprocessableEntity {
			t.Errorf("for %s: answered %d", consumer, status)
		}
	}
	if got := w.number("select count(*) from dead_letters"); got != 0 {
		t.Errorf("%d dead letters", got)
	}
}

func TestWhatCannotBeKeptIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := env.New("sweep", map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/none"}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = away.Close(t.Context()) })
	db, err := postgres.Open(t.Context(), away)
	if err != nil {
		t.Fatal(err)
	}
	if status := w.leaveWith(db, "verify-upload", w.encoded(sample(t, w.tenant))); status != http.StatusServiceUnavailable {
		t.Errorf("answered %d", status)
	}
}
