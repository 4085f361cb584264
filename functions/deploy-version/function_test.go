package function

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/functiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the function, and one who posts events to it as the broker does.
type world struct {
	*catalogtest.World
	*functiontest.Function

	t      *testing.T
	model  ref.Model
	signer cloudevent.Signer
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := catalogtest.New(t)
	signer, err := cloudevent.OpenSigner(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return world{w, functiontest.Start(t, "deploy-version", New(), w.Vars), t, w.Model("fraud"), signer}
}

func (w world) event(p event.Payload) cloudevent.Event {
	w.t.Helper()
	e, err := cloudevent.New("test", w.Owner.Tenant, "", p)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w world) deliver(e cloudevent.Event) int {
	w.t.Helper()
	body, err := w.signer.Encode(e)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.Do(functiontest.Request{
		Method: http.MethodPost, Path: "/", Body: string(body), Header: map[string]string{"Content-Type": "application/cloudevents+json"},
	}).Status
}

func (w world) state(selector string) api.Deployment {
	w.t.Helper()
	v, err := w.Catalog.GetVersion(w.t.Context(), w.Owner, api.VersionRequest{Model: w.model, Ref: catalogtest.Ref(selector)})
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Deployment
}

func TestWithoutAClusterAVersionWaitsAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	e := w.event(event.VersionPublished{Version: "acme/fraud@1.0.0", VersionID: api.ID(id)})
	for range 2 {
		if status := w.deliver(e); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
	}
	if d := w.state("1.0.0"); d.Status != api.DeploymentPending || !strings.Contains(d.Reason, "no cluster host") {
		t.Errorf("%+v", d)
	}
	w.AssertWrote(event.DeploymentReady{}, 0)
}

func TestAChangeInTheClusterCausesALookAtTheRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	const resource = "/apis/serving.kserve.io/v1beta1/namespaces/maas-models/inferenceservices/"
	for _, subject := range []string{resource + "v-" + id.String(), resource + "v-" + uuid.NewString(), resource + "sklearn-iris"} {
		status := w.Do(functiontest.Request{
			Method: http.MethodPost, Path: "/", Header: map[string]string{"Content-Type": "application/cloudevents+json"},
			Body: `{"specversion": "1.0", "id": "1", "source": "https://10.96.0.1:443", "type": "dev.knative.apiserver.ref.update", "subject": "` + subject + `"}`,
		}).Status
		if status != http.StatusAccepted {
			t.Errorf("%s: status %d", subject, status)
		}
	}
	if d := w.state("1.0.0"); d.Status != api.DeploymentPending || !strings.Contains(d.Reason, "no cluster host") {
		t.Errorf("%+v", d)
	}
	if n := w.Count("select count(*) from dead_letters"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestEventsInAnyOrderLeaveWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Ready(w.model, "1.0.0")
	w.Ready(w.model, "1.1.0")
	if _, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []event.Payload{
		event.VersionRetired{Version: "acme/fraud@1.0.0", VersionID: api.ID(id)},
		event.VersionPublished{Version: "acme/fraud@1.0.0", VersionID: api.ID(id)}, // late
		event.DeploymentWanted{Version: "acme/fraud@1.0.0", VersionID: api.ID(id)}, // later still
		event.DeploymentWanted{Version: "acme/none@1.0.0", VersionID: api.ID(uuid.New())},
		event.ModelDeleted{Model: ref.Model{Tenant: "acme", Name: "none"}},
		event.VersionDeprecated{Version: "acme/fraud@1.0.0"},
	} {
		if status := w.deliver(w.event(p)); status != http.StatusAccepted {
			t.Errorf("%s: status %d", p.EventType(), status)
		}
	}
	if n := w.Count("select count(*) from deployments where version_id = $1 and status = 'removed'", id); n != 1 {
		t.Error("the retired version is not removed")
	}
}

func TestPoisonIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forged := w.event(event.DeploymentWanted{Version: "acme/fraud@1.0.0", VersionID: api.ID(uuid.New())})
	body, err := w.signer.Encode(forged)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"noise": "x", "no CloudEvent": "{}", "forged": strings.ReplaceAll(string(body), "acme/fraud", "acme/other"),
	} {
		answer := w.Do(functiontest.Request{
			Method: http.MethodPost, Path: "/", Body: text, Header: map[string]string{"Content-Type": "application/cloudevents+json"},
		})
		if answer.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, answer.Status)
		}
	}
	if status := w.deliver(w.event(event.UploadCompleted{Upload: api.ID(uuid.New())})); status != http.StatusUnprocessableEntity {
		t.Errorf("another consumer's event: status %d", status)
	}
	if n := w.Count("select count(*) from dead_letters"); n != 4 {
		t.Errorf("%d dead letters", n)
	}
}
