// Package eventtest has what Knative sends to the functions that events start, as it was captured from Knative Eventing 0.46 byte for byte,
// but for names of hosts, and is never changed.
package eventtest

import (
	"bufio"
	"bytes"
	"embed"
	"net/http"
	"testing"
)

//go:embed knative/*.http
var knative embed.FS

// The captured requests. Those of the broker carry events that were signed with Key.
const (
	Broker    = "broker"              // maas.upload.completed.v1 through a Broker, in binary mode, as all that its channel delivers
	Text      = "broker-text"         // maas.upload.rejected.v1, whose reason has what JSON escapes and what it does not
	Ping      = "ping"                // of a PingSource: no body, and no type of one
	Reference = "apiserver-reference" // of an ApiServerSource that tells which object has changed
	Resource  = "apiserver-resource"  // of one that tells the whole object
)

// Key is the MAAS_SERVICE_KEY that the captured events were signed with.
const Key = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

// Request returns the captured request with the name, as a server receives it.
func Request(t testing.TB, name string) *http.Request {
	t.Helper()
	text, err := knative.ReadFile("knative/" + name + ".http")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return r.WithContext(t.Context())
}
