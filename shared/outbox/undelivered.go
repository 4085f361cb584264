package outbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Undelivered returns the handler of POST /undelivered/{consumer}, where a broker leaves what it could not deliver to the consumer (the
// dead-letter sink of Knative's Triggers). It keeps the event as a dead letter, as a dispatcher does with DeadLetters.Bury:
//
//	202  kept, now or before: what the consumer refused or gave up itself, it has kept under the same id; or counted
//	422  no event, or no consumer
//	503  not kept: the broker delivers it again
func Undelivered(e *env.Env, db *postgres.DB) (http.Handler, error) {
	letters, err := OpenDeadLetters(e, db.As(postgres.Sweep))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /undelivered/{consumer}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err := undelivered(r, letters, cloudevent.Consumer(r.PathValue("consumer")))
		if err != nil {
			e.Logger().ErrorContext(r.Context(), "dead letter not kept", "error", err)
		}
		w.WriteHeader(status(err))
	})
	return mux, nil
}

// undelivered stores the event in a request as a dead letter of the consumer. It fails with Unprocessable if there is no such consumer or the
// request has no event.
func undelivered(r *http.Request, letters *DeadLetters, consumer cloudevent.Consumer) error {
	if !acts(consumer) {
		return fault.New(fault.Unprocessable, fmt.Sprintf("%q is no consumer of events.", consumer))
	}
	ce, _, err := read(r)
	if err != nil {
		return err
	}
	cause := failure(ce)
	encoded, err := encode(ce)
	if err != nil {
		return err
	}
	return letters.Bury(r.Context(), consumer, encoded, cause)
}

// acts reports whether there is a consumer with the name.
func acts(consumer cloudevent.Consumer) bool {
	for _, consumers := range cloudevent.Consumers() {
		if slices.Contains(consumers, consumer) {
			return true
		}
	}
	return false
}

// failure returns the broker's last error, from the extensions that Knative's channels add to the event.
func failure(ce cloudevents.Event) error {
	said := ce.Extensions()
	body, err := base64.StdEncoding.DecodeString(fmt.Sprint(said["knativeerrordata"])) // cut off after 1,024 digits
	if err != nil {
		body = nil
	}
	return fmt.Errorf("not delivered: %v answered %v %s", said["knativeerrordest"], said["knativeerrorcode"], body)
}

// encode returns an event's JSON as it was posted, without the attributes that Knative's brokers add.
func encode(ce cloudevents.Event) ([]byte, error) {
	ce.Context = ce.Context.Clone()
	for name := range ce.Extensions() {
		if strings.HasPrefix(name, "knative") {
			ce.SetExtension(name, nil)
		}
	}
	text, err := json.Marshal(ce)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return text, nil
}
