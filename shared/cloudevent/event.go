package cloudevent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
)

// Consumer names a function that acts on events, as its folder is called.
type Consumer string

// Event is one event. It is a hint: whoever receives it reads the row that it speaks of again, because order is not kept.
type Event struct {
	ID          uuid.UUID // UUIDv7, the outbox row's
	Source      string    // "/maas/<function>"
	Type        event.Type
	Subject     string
	Time        time.Time
	Tenant      uuid.UUID
	Traceparent string
	Data        json.RawMessage
}

// New returns a new event with the payload, from the function, for the tenant; traceparent may be "". It fails if the payload cannot be encoded.
func New(function string, tenant uuid.UUID, traceparent string, p event.Payload) (Event, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", p.EventType(), err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", p.EventType(), err)
	}
	return Event{
		ID: id, Source: "/maas/" + function, Type: p.EventType(), Subject: p.EventSubject(), Time: time.Now().UTC(),
		Tenant: tenant, Traceparent: traceparent, Data: data,
	}, nil
}

// The extensions of MaaS's events.
const (
	extTenant      = "tenant"
	extTraceparent = "traceparent"
	extPartition   = "partitionkey"
	extSignature   = "signature"
)

// Encode returns the event with its signature in CloudEvents' structured JSON.
func (s Signer) Encode(e Event) ([]byte, error) {
	ce := cloudevents.NewEvent()
	ce.SetID(e.ID.String())
	ce.SetSource(e.Source)
	ce.SetType(string(e.Type))
	ce.SetSubject(e.Subject)
	ce.SetTime(e.Time)
	ce.SetDataSchema("https://maas.dev/schemas/" + string(e.Type) + ".json") // CloudEvents 1.0 wants an absolute URI
	ce.SetExtension(extTenant, e.Tenant.String())
	if e.Traceparent != "" {
		ce.SetExtension(extTraceparent, e.Traceparent)
	}
	ce.SetExtension(extPartition, e.Subject)
	ce.SetExtension(extSignature, s.sign(e))
	ce.SetDataContentType(cloudevents.ApplicationJSON)
	ce.DataEncoded = e.Data // JSON already: SetData and json.Marshal would each go through all of it again
	body, err := ce.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return body, nil
}

// Read parses the CloudEvent in a request, in structured or binary mode. It fails with Unprocessable if the request is
// not a valid CloudEvent 1.0.
func Read(r *http.Request) (cloudevents.Event, error) {
	ce, err := cloudevents.NewEventFromHTTPRequest(r)
	if err != nil {
		return cloudevents.Event{}, unprocessable("This is not a CloudEvent.", err)
	}
	if err := ce.Validate(); err != nil {
		return cloudevents.Event{}, unprocessable("This is not a valid CloudEvent 1.0.", err)
	}
	return *ce, nil
}

// Verify returns the Event of a CloudEvent that one of our functions signed. It fails with Unprocessable for any other.
func (s Signer) Verify(ce cloudevents.Event) (Event, error) {
	e, err := fromCloudEvent(ce)
	if err != nil {
		return Event{}, err
	}
	if signature := extension(ce, extSignature); !s.good(e, signature) {
		return Event{}, unprocessable("The event's signature is wrong.", nil)
	}
	return e, nil
}

// fromCloudEvent converts a CloudEvent without checking its signature. It fails with Unprocessable if its id or its tenant is no UUID.
func fromCloudEvent(ce cloudevents.Event) (Event, error) {
	id, err := uuid.Parse(ce.ID())
	if err != nil {
		return Event{}, unprocessable("The event's id is no UUID.", err)
	}
	tenant, err := uuid.Parse(extension(ce, extTenant))
	if err != nil {
		return Event{}, unprocessable("The event's tenant is no UUID.", err)
	}
	return Event{
		ID: id, Source: ce.Source(), Type: event.Type(ce.Type()), Subject: ce.Subject(), Time: ce.Time(),
		Tenant: tenant, Traceparent: extension(ce, extTraceparent), Data: ce.Data(),
	}, nil
}

// extension returns the CloudEvent's extension with the name, "" if it has none or it is no text.
func extension(ce cloudevents.Event, name string) string {
	text, _ := ce.Extensions()[name].(string)
	return text
}

// unprocessable returns an Unprocessable fault with the message; err may be nil.
func unprocessable(message string, err error) error {
	return fault.New(fault.Unprocessable, message, fault.Cause(err))
}
