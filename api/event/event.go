// Package event has the payloads of MaaS's CloudEvents: a Go type for each type of event.
package event

// Type names a kind of event: "maas.upload.completed.v1".
type Type string

// Payload is an event's data.
type Payload interface {
	EventType() Type
	// EventSubject is what the event is about: "acme/fraud@1.4.0", or an upload's id.
	EventSubject() string
}
