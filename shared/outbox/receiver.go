package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/share"
)

// Receiver is the HTTP handler of an event function. Each event has its effect once, however often it comes:
//
//	2xx  the effect is committed, now or before; the body is empty, since a broker takes any other for a failure
//	422  poison (unparsable, unknown, wrongly signed): kept as a dead letter, or counted where too much of it is not signed (DeadLetters)
//	503  not yet: the broker delivers again; after 10 failures the event is kept as a dead letter and answered 202
type Receiver struct {
	db       *postgres.DB
	consumer cloudevent.Consumer
	letters  *DeadLetters
	log      *slog.Logger
	handlers map[event.Type]handler
	sources  []source
}

// handler acts on one event. It records the receipt in the transaction of its effect, or after it.
type handler func(ctx context.Context, e cloudevent.Event) error

// source is one of Knative's own, whose events are not signed and only cause a look at the truth.
type source struct {
	prefix string
	pace   *pace // nil where each event is a look of its own
	look   func(ctx context.Context, e cloudevents.Event) error
}

const (
	maxBody  = 1 << 20 // an event names rows and carries no bytes
	maxTries = 10
)

// NewReceiver returns the HTTP handler of the consumer's events, without any subscription. Its transactions run as db's role. It fails if the
// configuration is invalid. Subscriptions are made before it serves; a second Act or Wake for the same payload replaces the first.
func NewReceiver(e *env.Env, db *postgres.DB, consumer cloudevent.Consumer) (*Receiver, error) {
	letters, err := OpenDeadLetters(e, db)
	if err != nil {
		return nil, err
	}
	return &Receiver{db: db, consumer: consumer, letters: letters, log: e.Logger(), handlers: map[event.Type]handler{}}, nil
}

// Act subscribes act to the events with payload P. Its effects must lie in the transaction: they commit together with the receipt, so that each
// event takes effect once. An error rolls both back.
func Act[P event.Payload](r *Receiver, act func(ctx context.Context, tx postgres.Tx, e cloudevent.Event, p P) error) {
	var kind P
	r.handlers[kind.EventType()] = func(ctx context.Context, e cloudevent.Event) error {
		p, err := payload[P](e)
		if err != nil {
			return err
		}
		return r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
			if fresh, err := receipt(ctx, tx, r.consumer, e); err != nil || !fresh {
				return err
			}
			return act(ctx, tx, e, p)
		})
	}
}

// Wake subscribes a reconciler to the events with payload P. The receipt is written after it has succeeded, and two deliveries may run it at the
// same time, so its effects must be idempotent.
func Wake[P event.Payload](r *Receiver, reconcile func(ctx context.Context, e cloudevent.Event, p P) error) {
	var kind P
	r.handlers[kind.EventType()] = func(ctx context.Context, e cloudevent.Event) error {
		p, err := payload[P](e)
		if err != nil {
			return err
		}
		if err := reconcile(ctx, e, p); err != nil {
			return err
		}
		return r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
			_, err := receipt(ctx, tx, r.consumer, e)
			return err
		})
	}
}

// Look subscribes look to the events of one of Knative's sources, whose type begins with prefix; of several prefixes the first that fits counts. They are
// not signed, so that anybody can send them. An error has the broker deliver the event again.
func (r *Receiver) Look(prefix string, look func(ctx context.Context, e cloudevents.Event) error) {
	r.sources = append(r.sources, source{prefix: prefix, look: look})
}

// LookAtMost is like Look for a source whose events all ask for the same. One look runs at a time, and begins at least interval after the last one
// began. Events in between are accepted without a look.
func (r *Receiver) LookAtMost(interval time.Duration, prefix string, look func(ctx context.Context) error) {
	r.sources = append(r.sources, source{prefix, &pace{interval: interval}, func(ctx context.Context, _ cloudevents.Event) error { return look(ctx) }})
}

// ServeHTTP implements http.Handler. It receives one event of 1 MiB at most, answers with the status that Receiver's comment names, and logs why it
// failed. A larger one is poison. Only a broker or dispatcher calls it.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxBody)
	err := r.receive(req)
	switch {
	case fault.Is(err, fault.Canceled): // its sender has gone, and sends it again
		r.log.InfoContext(req.Context(), "event given up", "consumer", r.consumer, "error", err)
	case err != nil:
		r.log.ErrorContext(req.Context(), "event failed", "consumer", r.consumer, "error", err)
	}
	w.WriteHeader(status(err))
}

// status returns the HTTP status for a delivery that ended with err: 202 for nil, 422 for Unprocessable, which ends the delivery, and otherwise
// 503, so that the broker delivers the event again.
func status(err error) int {
	switch {
	case err == nil:
		return http.StatusAccepted
	case fault.Is(err, fault.Unprocessable):
		return http.StatusUnprocessableEntity
	default:
		return http.StatusServiceUnavailable
	}
}

// receive handles the event in a request. It returns nil if the event is done with, Unprocessable for an event that can never be handled, which it
// has stored as a dead letter, and any other error if the event must be delivered again.
func (r *Receiver) receive(req *http.Request) error {
	ctx := req.Context()
	ce, body, err := read(req)
	if fault.Is(err, fault.Unprocessable) {
		return refused(r.letters.keepUnsigned(ctx, r.consumer, body, err), err)
	}
	if err != nil {
		return err
	}
	for _, s := range r.sources {
		if strings.HasPrefix(ce.Type(), s.prefix) {
			return r.looked(ctx, s, ce)
		}
	}
	text, err := encode(ce)
	if err != nil {
		return err
	}
	e, err := r.letters.signer.Verify(ce)
	if err != nil {
		return refused(r.letters.keepUnsigned(ctx, r.consumer, text, err), err)
	}
	ctx = share.With(e.Context(ctx), auth.System(string(r.consumer), e.Tenant, "").Holder())
	err = r.act(ctx, e)
	if err == nil {
		return nil
	}
	if fault.Is(err, fault.Unprocessable) {
		return errors.Join(refused(r.letters.keep(ctx, r.consumer, e, text, err), err), r.giveUp(ctx, e))
	}
	return r.failed(ctx, e, text, err)
}

// looked runs the source's look for an event. If the source's pace does not allow one now, it returns nil without one.
func (r *Receiver) looked(ctx context.Context, s source, ce cloudevents.Event) error {
	if s.pace == nil {
		r.letters.count(r.consumer, outcomeLooked)
		return s.look(ctx, ce)
	}
	if !s.pace.begin() {
		r.letters.count(r.consumer, outcomeMerged)
		return nil
	}
	defer s.pace.end()
	r.letters.count(r.consumer, outcomeLooked)
	return s.look(ctx, ce)
}

// read returns the event in a request, and the request's body, also if that is no event. It fails with Unprocessable if the body is too large or no
// event, and with another error if the body did not arrive whole.
func read(req *http.Request) (ce cloudevents.Event, body []byte, err error) {
	body, err = io.ReadAll(req.Body)
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return ce, body, fault.New(fault.Unprocessable, fmt.Sprintf("The event is larger than %d bytes.", large.Limit), fault.Cause(err))
	}
	if err != nil {
		return ce, body, fmt.Errorf("outbox: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	ce, err = cloudevent.Read(req)
	return ce, body, err
}

// act calls the handler of the event's type, unless the consumer has handled the event before. It fails with Unprocessable if there is no handler,
// and as the handler does.
func (r *Receiver) act(ctx context.Context, e cloudevent.Event) error {
	handle, ok := r.handlers[e.Type]
	if !ok {
		return fault.New(fault.Unprocessable, fmt.Sprintf("%s does not act on %s.", r.consumer, e.Type))
	}
	done, err := r.receivedBefore(ctx, e)
	if err != nil || done {
		return err
	}
	return handle(ctx, e)
}

// payload decodes the event's data. It fails with Unprocessable if the data does not fit P.
func payload[P event.Payload](e cloudevent.Event) (P, error) {
	var p P
	if err := json.Unmarshal(e.Data, &p); err != nil {
		return p, fault.New(fault.Unprocessable, "The event's data does not fit its type.", fault.Cause(err))
	}
	return p, nil
}
