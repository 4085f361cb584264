package cloudevent_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/eventtest"
)

func signer(t *testing.T, secret string) cloudevent.Signer {
	t.Helper()
	s, err := cloudevent.OpenSigner(env.New("test", map[string]string{"MAAS_SERVICE_KEY": strings.Repeat(secret, 32)}, slog.Default()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample(t *testing.T) cloudevent.Event {
	t.Helper()
	e, err := cloudevent.New("complete", uuid.New(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", event.UploadCompleted{Upload: api.ID(uuid.New())})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// receive sends the body through HTTP as a broker would, and reads it as a function does.
func receive(t *testing.T, s cloudevent.Signer, header map[string]string, body string) (cloudevent.Event, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	ce, err := cloudevent.Read(r)
	if err != nil {
		return cloudevent.Event{}, err
	}
	return s.Verify(ce)
}

var structured = map[string]string{"Content-Type": "application/cloudevents+json; charset=UTF-8"}

func TestAnEventArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	s, want := signer(t, "k"), sample(t)
	body, err := s.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := receive(t, s, structured, string(body))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || got.Tenant != want.Tenant || got.Type != want.Type || got.Subject != want.Subject ||
		got.Traceparent != want.Traceparent || string(got.Data) != string(want.Data) || !got.Time.Equal(want.Time) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestABrokerMaySendItBinaryAndLaidOutAnew(t *testing.T) {
	t.Parallel()
	s, want := signer(t, "k"), sample(t)
	body, err := s.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var attributes map[string]any
	if err := json.Unmarshal(body, &attributes); err != nil {
		t.Fatal(err)
	}
	header := map[string]string{"Content-Type": "application/json"}
	for name, value := range attributes {
		if text, ok := value.(string); ok && name != "datacontenttype" {
			header["Ce-"+name] = text
		}
	}
	spaced := strings.ReplaceAll(string(want.Data), ":", " :  ")
	if _, err := receive(t, s, header, spaced); err != nil {
		t.Errorf("a binary event is refused: %v", err)
	}
}

func TestWhatKnativesBrokerDeliversIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	s := signer(t, eventtest.Key[:1])
	for name, want := range map[string]event.Payload{
		eventtest.Broker: &event.UploadCompleted{Upload: api.ID(uuid.MustParse("1eeea0bf-69e9-49af-b934-07e00cc85e03"))},
		eventtest.Text: &event.UploadRejected{
			Upload: api.ID(uuid.MustParse("12dc05f8-bb7c-45f7-8bb5-d20bc1086e1e")), Code: "x", Reason: "<b>ä 漢字 & \u2028 \u0001 \"q\" \\ 😀</b>\n",
		},
	} {
		r := eventtest.Request(t, name)
		r.Header.Set("Ce-Knativekafkapartition", "3") // another broker's
		ce, err := cloudevent.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Verify(ce)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data, err := json.Marshal(want)
		if err != nil || !sameJSON(t, got.Data, data) || got.Type != want.EventType() || got.Subject != want.EventSubject() ||
			got.Tenant != uuid.MustParse("0190a6c0-0000-7000-8000-00000000ac3e") || got.Source != "/maas/complete" || got.Traceparent == "" {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}

func TestAnExtensionThatIsNoTextIsNotOurs(t *testing.T) {
	t.Parallel()
	s, e := signer(t, "k"), sample(t)
	body, err := s.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	more := `{"knativearrivaltime":"2026-11-21T13:14:54.1Z","knativekafkaoffset":7,"some":true,`
	if _, err := receive(t, s, structured, strings.Replace(string(body), "{", more, 1)); err != nil {
		t.Errorf("extensions of brokers spoil it: %v", err)
	}
	_, err = receive(t, s, structured, strings.Replace(string(body), `"tenant":"`+e.Tenant.String()+`"`, `"tenant":7`, 1))
	faulttest.AssertKind(t, err, fault.Unprocessable)
}

func TestEventsOfKnativesSourcesAreReadAndAreNotOurs(t *testing.T) {
	t.Parallel()
	s := signer(t, eventtest.Key[:1])
	for name, want := range map[string]string{
		eventtest.Ping: "dev.knative.sources.ping", eventtest.Reference: "dev.knative.apiserver.ref.add", eventtest.Resource: "dev.knative.apiserver.resource.add",
	} {
		ce, err := cloudevent.Read(eventtest.Request(t, name))
		if err != nil || ce.Type() != want {
			t.Errorf("%s is read as %s, %v", name, ce.Type(), err)
		}
		_, err = s.Verify(ce)
		faulttest.AssertKind(t, err, fault.Unprocessable)
	}
}

func TestForgedEventsAreRefused(t *testing.T) {
	t.Parallel()
	s, e := signer(t, "k"), sample(t)
	other, err := signer(t, "x").Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	good, err := s.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"another key":     string(other),
		"another tenant":  strings.Replace(string(good), e.Tenant.String(), uuid.NewString(), 1),
		"another id":      strings.Replace(string(good), e.ID.String(), uuid.NewString(), 1),
		"another type":    strings.Replace(string(good), "maas.upload.completed.v1", "maas.upload.verifying.v1", 1),
		"another upload":  strings.Replace(string(good), `{"upload":"`+e.Subject, `{"upload":"`+uuid.NewString(), 1),
		"no signature":    strings.Replace(string(good), `"signature"`, `"sygnature"`, 1),
		"not an event":    "{}",
		"no JSON":         "hello",
		"nothing":         "",
		"id that is none": strings.Replace(string(good), e.ID.String(), "1", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := receive(t, s, structured, body)
			faulttest.AssertKind(t, err, fault.Unprocessable)
		})
	}
}

// TestEveryFixtureStillDecodes holds that schemas only grow: a fixture that was committed once is never changed.
func TestEveryFixtureStillDecodes(t *testing.T) {
	t.Parallel()
	payloads := map[string]event.Payload{}
	for _, p := range []event.Payload{
		&event.UploadCompleted{}, &event.UploadVerifying{}, &event.UploadVerified{}, &event.UploadRejected{}, &event.VersionPublished{},
		&event.VersionDeprecated{}, &event.VersionRetired{}, &event.DeploymentWanted{}, &event.ModelDeleted{}, &event.DeploymentReady{},
		&event.DeploymentFailed{}, &event.AliasMoved{}, &event.InferenceCompleted{},
	} {
		payloads[string(p.EventType())] = p
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < len(payloads) {
		t.Fatalf("%d fixtures for %d types, %v", len(files), len(payloads), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimSuffix(filepath.Base(file), ".json")
		p := payloads[kind]
		if p == nil {
			t.Errorf("%s is of no type in the catalogue", file)
			continue
		}
		if err := json.Unmarshal(text, p); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		again, err := json.Marshal(p)
		if err != nil || !sameJSON(t, again, text) {
			t.Errorf("%s is read as %s", file, again)
		}
	}
}

// TestEachTypeOfEventIsInTheCatalogue finds the payload of api/event that nobody was named for, or that has no fixture.
func TestEachTypeOfEventIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("../../api/event/*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`EventType\(\) Type \{ return "([^"]+)" \}`).FindAllSubmatch(text, -1) {
			types++
			kind := string(found[1])
			_, named := cloudevent.Consumers()[event.Type(kind)]
			if !named && kind != string(event.InferenceCompleted{}.EventType()) { // infer posts it to meter-usage itself
				t.Errorf("cloudevent.Consumers has no row for %s of %s", kind, source)
			}
			if _, err := os.Stat(filepath.Join("testdata", kind+".json")); err != nil {
				t.Errorf("%s of %s has no fixture: %v", kind, source, err)
			}
		}
	}
	if types <= len(cloudevent.Consumers()) {
		t.Errorf("%d types were found for %d rows", types, len(cloudevent.Consumers()))
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

func FuzzRead(f *testing.F) {
	f.Add("application/cloudevents+json", `{"specversion":"1.0","id":"x","source":"/maas/x","type":"t"}`)
	f.Add("application/json", `{}`)
	f.Add("application/cloudevents-batch+json", `[]`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		_, _ = receive(t, signer(t, "k"), map[string]string{"Content-Type": contentType}, body)
	})
}
