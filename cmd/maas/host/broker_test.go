package host_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// trouble says what a broker does to the events that it is given.
type trouble struct {
	lose    bool // says that it took an event when it first gets it, and forgets it
	twice   bool // delivers each event twice, at the same time
	reverse bool // keeps events for a while, and delivers the last one first
}

// gathering is how long a broker that reverses keeps events.
const gathering = 150 * time.Millisecond

// wrap puts the trouble before a broker.
func (tr trouble) wrap(broker http.Handler) http.Handler {
	b := &troubled{trouble: tr, broker: broker, lost: map[string]bool{}}
	return b
}

type troubled struct {
	trouble

	broker http.Handler

	mu   sync.Mutex
	lost map[string]bool // by body: an event is the same bytes each time it is posted
	held [][]byte
}

// ServeHTTP accepts the event, whatever becomes of it.
func (b *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	switch {
	case b.lose && b.forget(event):
	case b.reverse:
		b.hold(event)
	default:
		b.deliver(event)
	}
}

// forget reports whether this is the first time that the event comes.
func (b *troubled) forget(event []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	again := b.lost[string(event)]
	b.lost[string(event)] = true
	return !again
}

// hold keeps the event; the first one starts the clock after which all go on.
func (b *troubled) hold(event []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, event)
	if len(b.held) == 1 {
		time.AfterFunc(gathering, b.release)
	}
}

func (b *troubled) release() {
	b.mu.Lock()
	held := b.held
	b.held = nil
	b.mu.Unlock()
	slices.Reverse(held)
	for _, event := range held {
		b.deliver(event)
	}
}

func (b *troubled) deliver(event []byte) {
	times := 1
	if b.twice {
		times = 2
	}
	var all sync.WaitGroup
	for range times {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/broker", bytes.NewReader(event))
			r.Header.Set("Content-Type", "application/cloudevents+json")
			b.broker.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	all.Wait()
}
