package outbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/eventtest"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// deliver hands the receiver a request that Knative has made, and checks the answer: a 2xx without a body, which it would take for an event.
func (w *world) deliver(name string) {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.receiver.ServeHTTP(answer, eventtest.Request(w.t, name))
	if answer.Code != http.StatusAccepted || answer.Body.Len() > 0 || answer.Header().Get("Content-Type") != "" {
		w.t.Errorf("%s is answered %d %v %s", name, answer.Code, answer.Header(), answer.Body)
	}
}

func TestWhatKnativesBrokerDeliversIsActedOnOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var acted atomic.Int32
	outbox.Act(w.receiver, func(_ context.Context, _ postgres.Tx, e cloudevent.Event, p event.UploadCompleted) error {
		if e.Subject != p.Upload.String() {
			t.Errorf("%s is about %s", e.Subject, p.Upload)
		}
		acted.Add(1)
		return nil
	})

	w.deliver(eventtest.Broker)
	w.deliver(eventtest.Broker)

	if n := acted.Load(); n != 1 {
		t.Errorf("acted %d times", n)
	}
}

func TestKnativesSourcesCauseALook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var looks []string
	for _, prefix := range []string{"dev.knative.sources.ping", "dev.knative.apiserver."} {
		w.receiver.Look(prefix, func(_ context.Context, e cloudevents.Event) error { looks = append(looks, e.Subject()); return nil })
	}

	for _, name := range []string{eventtest.Ping, eventtest.Reference, eventtest.Resource} {
		w.deliver(name)
	}

	const changed = "/apis/v1/namespaces/maas/configmaps/x"
	if len(looks) != 3 || looks[0] != "" || looks[1] != changed || looks[2] != changed {
		t.Errorf("looked at %q", looks)
	}
}
