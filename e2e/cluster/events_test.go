//go:build cluster

package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/cloudevent"
)

// TestAForgedEventIsRefusedInsideTheCluster posts, from a pod, events that nobody of MaaS has signed: to the function that would act on them,
// and to the broker.
func TestAForgedEventIsRefusedInsideTheCluster(t *testing.T) {
	t.Parallel()
	u, client, o := register(t), inside(t), newOperator(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", 10)
	vars := installation(t)
	stranger := signer(t, map[string]string{"MAAS_SERVICE_KEY": strings.Repeat("stranger", 8)})

	for sink, status := range map[string]int{local("verify-upload"): http.StatusUnprocessableEntity, brokerIngress: http.StatusAccepted} {
		for name, encode := range map[string]func(cloudevent.Event) []byte{
			"signed by a stranger": func(e cloudevent.Event) []byte { return encoded(t, stranger, e) },
			"not signed":           func(e cloudevent.Event) []byte { return without(t, encoded(t, stranger, e), "signature") },
			"of another upload":    func(e cloudevent.Event) []byte { return altered(t, encoded(t, signer(t, vars), e)) },
		} {
			e := completed(t, strings.TrimPrefix(upload, "/v1/uploads/"))
			if got := post(t, client, sink, encode(e)); got != status {
				t.Errorf("an event %s: %s answers %d, want %d", name, sink, got, status)
			}
			if letter := o.letter(e.ID.String(), "signature"); letter.Consumer != "verify-upload" {
				t.Errorf("an event %s became the dead letter %+v", name, letter)
			}
		}
	}
	if text := s.Text(upload); !strings.Contains(text, `"status":"open"`) {
		t.Errorf("the upload is %s", text)
	}
}

// TestWhatIsNoEventIsKeptAsADeadLetter posts noise: the broker takes none, and the function keeps it for whoever wonders.
func TestWhatIsNoEventIsKeptAsADeadLetter(t *testing.T) {
	t.Parallel()
	client, noise := inside(t), "noise "+uuid.NewString()
	if got := post(t, client, brokerIngress, []byte(noise)); got != http.StatusBadRequest {
		t.Errorf("the broker answers %d", got)
	}
	if got := post(t, client, local("verify-upload"), []byte(noise)); got != http.StatusUnprocessableEntity {
		t.Errorf("verify-upload answers %d", got)
	}
	newOperator(t).letter(noise, "CloudEvent")
}

// TestAPoisonedEventIsReplayedOnceItsCauseIsMended gives verify-upload another service key for a while, so that it rejects an event that is signed.
// verify-upload stores the event as an unsigned dead letter. The broker then delivers it to sweep, which has the right key, and stores a signed dead letter.
// That one is replayed.
func TestAPoisonedEventIsReplayedOnceItsCauseIsMended(t *testing.T) { //nolint:paralleltest // nothing is verified meanwhile
	breaks(t)
	u := register(t)
	mend := anotherKey(t, "verify-upload")
	pushed := u.Meanwhile("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx"))
	o := newOperator(t)
	upload := uploadOf(t, u)
	o.letter(upload, "signature")
	letter := o.letter(upload, "answered 422")
	mend()

	began := time.Now()
	o.replay(letter)
	(<-pushed).Ends(0, "verified")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the push ended %s after the replay: it is sweep that has posted the event", took)
	}
	if letter := o.letter(letter.ID, "answered 422"); letter.Replayed == nil {
		t.Error("the letter does not say that it was replayed")
	}
}

// TestWhatTheBrokerCannotDeliverBecomesADeadLetter adds a trigger like verify-upload's, but for one tenant, with fewer tries, and to an address
// where nobody is.
func TestWhatTheBrokerCannotDeliverBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	u := register(t)
	gone := awayFor(t, tenant(t, u))
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	o := newOperator(t)
	letter := o.letter(uploadOf(t, u), "not delivered")
	if letter.Consumer != "verify-upload" {
		t.Errorf("the dead letter is for %s", letter.Consumer)
	}
	gone()

	o.replay(letter)
	db := database(t)
	await(t, "the replayed event is received", time.Minute, func() (string, bool) {
		n := one[int](t, db, `select count(*) from inbox i join outbox o on o.source = i.source and o.id = i.id where o.subject = $1 and i.consumer = $2`,
			uploadOf(t, u), letter.Consumer)
		return fmt.Sprintf("%d receipts", n), n == 1
	})
}

// anotherKey gives a function another service key, until mend is called.
func anotherKey(t testing.TB, function string) (mend func()) {
	t.Helper()
	const other = "maas-service-key-of-another"
	apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s}
stringData: {service.key: %s}
`, other, functions, strings.Repeat("another.", 8)))
	t.Cleanup(func() { kubectl(t, "delete", "secret", other, "--namespace", functions) })
	at := fmt.Sprintf("/spec/template/spec/volumes/%d/secret/secretName", volume(t, function, "service-key"))
	return redeployed(t, function, replace(at, other), replace(at, "maas-service-key"))
}

// volume returns the place of a volume in a function's template.
func volume(t testing.TB, function, name string) int {
	t.Helper()
	var service struct {
		Spec struct {
			Template struct {
				Spec struct{ Volumes []struct{ Name string } }
			}
		}
	}
	read(t, &service, "services.serving.knative.dev/"+function, "--namespace", functions)
	for i, v := range service.Spec.Template.Spec.Volumes {
		if v.Name == name {
			return i
		}
	}
	t.Fatalf("%s has no volume %s", function, name)
	return 0
}

// awayFor adds a trigger for a tenant's completed uploads that leads nowhere, until gone is called. In all else it is verify-upload's own.
func awayFor(t testing.TB, tenant string) (gone func()) {
	t.Helper()
	const own = "verify-upload-on-upload-completed-v1"
	var trigger map[string]any
	read(t, &trigger, "triggers.eventing.knative.dev/"+own, "--namespace", functions)
	name := "away-" + tenant
	trigger["metadata"] = map[string]string{"name": name, "namespace": functions}
	delete(trigger, "status")
	spec := trigger["spec"].(map[string]any)
	spec["filter"].(map[string]any)["attributes"].(map[string]any)["tenant"] = tenant
	spec["subscriber"] = map[string]string{"uri": local("away")}
	spec["delivery"].(map[string]any)["retry"] = 2
	text, err := json.Marshal(trigger)
	e2etest.Must(t, err)
	apply(t, string(text))
	gone = sync.OnceFunc(func() { kubectl(t, "delete", "triggers.eventing.knative.dev", name, "--namespace", functions) })
	t.Cleanup(gone)
	kubectl(t, "wait", "triggers.eventing.knative.dev/"+name, "--namespace", functions, "--for=condition=Ready", "--timeout=60s")
	return gone
}

// uploadOf returns the id of the user's upload, once there is one.
func uploadOf(t testing.TB, u *e2etest.User) (id string) {
	t.Helper()
	db := database(t)
	await(t, "an upload of "+u.Tenant, time.Minute, func() (string, bool) {
		id = one[string](t, db, `select coalesce(max(u.id::text), '') from uploads u join tenants t on t.id = u.tenant_id where t.name = $1`, u.Tenant)
		return "none", id != ""
	})
	return id
}

// tenant returns the id of the user's tenant.
func tenant(t testing.TB, u *e2etest.User) string {
	t.Helper()
	return one[string](t, database(t), `select id::text from tenants where name = $1`, u.Tenant)
}

// completed returns the event that begins an upload's verification.
func completed(t testing.TB, upload string) cloudevent.Event {
	t.Helper()
	e, err := cloudevent.New("complete", uuid.New(), "", event.UploadCompleted{Upload: api.ID(uuid.MustParse(upload))})
	e2etest.Must(t, err)
	return e
}

func encoded(t testing.TB, by cloudevent.Signer, e cloudevent.Event) []byte {
	t.Helper()
	text, err := by.Encode(e)
	e2etest.Must(t, err)
	return text
}

// without returns the event without an attribute.
func without(t testing.TB, encoded []byte, attribute string) []byte {
	t.Helper()
	var attributes map[string]json.RawMessage
	e2etest.Must(t, json.Unmarshal(encoded, &attributes))
	delete(attributes, attribute)
	text, err := json.Marshal(attributes)
	e2etest.Must(t, err)
	return text
}

// altered returns the event, signed as it was, for the tenant of nobody.
func altered(t testing.TB, encoded []byte) []byte {
	t.Helper()
	var attributes map[string]json.RawMessage
	e2etest.Must(t, json.Unmarshal(encoded, &attributes))
	attributes["tenant"] = json.RawMessage(`"` + uuid.NewString() + `"`)
	text, err := json.Marshal(attributes)
	e2etest.Must(t, err)
	return text
}

// post sends an event and returns the status of the answer, whose body is empty where a function answers.
func post(t testing.TB, client *http.Client, sink string, text []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sink, bytes.NewReader(text))
	e2etest.Must(t, err)
	request.Header.Set("Content-Type", "application/cloudevents+json")
	answer, err := client.Do(request)
	e2etest.Must(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	e2etest.Must(t, err)
	if len(body) > 0 && sink != brokerIngress {
		t.Errorf("%s answers %s with the body %q", sink, answer.Status, body)
	}
	return answer.StatusCode
}

// operator is who looks after the installation: its stores' addresses are in the shell.
type operator struct {
	*e2etest.User

	vars map[string]string
}

func newOperator(t testing.TB) operator {
	t.Helper()
	vars := installation(t)
	return operator{e2etest.Operator(t, vars), vars}
}

// replay posts a letter's event again: to the broker, which another test may just have killed.
func (o operator) replay(l letter) {
	o.Helper()
	await(o, "the event is posted again", time.Minute, func() (string, bool) {
		vars := maps.Clone(o.vars)
		vars["K_SINK"] = "http://" + forward(o, "knative-eventing", "service/broker-ingress", 80) + "/maas/maas"
		said := e2etest.Operator(o, vars).Maas("events", "replay", l.ID)
		return said.Stderr, said.Status == 0
	})
}

// letter is a dead letter as the command lists it.
type letter struct {
	ID, Consumer, Event, Reason string
	Replayed                    *time.Time `json:"replayed_at"`
}

// letter waits for the dead letter in which a text occurs, an event's id or an upload's, and whose reason contains another.
func (o operator) letter(text, reason string) (found letter) {
	o.Helper()
	await(o, fmt.Sprintf("a dead letter with %s, because of %q", text, reason), time.Minute, func() (string, bool) {
		var all []letter
		o.Maas("events", "dead", "--output", "json", "--limit", "1000").OK().Read(&all)
		for _, one := range all {
			if (strings.Contains(one.Event, text) || one.ID == text) && strings.Contains(one.Reason, reason) {
				found = one
				return "", true
			}
		}
		return fmt.Sprintf("none among %d", len(all)), false
	})
	return found
}
