package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// EventStream answers a route of Stream with Server-Sent Events (WHATWG HTML, 9.2).
type EventStream struct {
	to      http.ResponseWriter
	control *http.ResponseController
}

// NewEventStream sets the headers of a stream of events and returns the stream. Nothing is written yet: until the first event a problem can
// still be the answer.
func NewEventStream(w http.ResponseWriter) EventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")       // nginx holds answers back otherwise
	if paced, ok := w.(*pacedAnswer); ok { // events have a deadline of their own, and come as slowly as things happen
		w = paced.ResponseWriter
	}
	return EventStream{w, http.NewResponseController(w)}
}

// Begin sends the headers alone, which is the whole answer to HEAD. It fails with Canceled if the client is gone.
func (s EventStream) Begin() error { return s.flushed(nil) }

// Send writes an event with data as JSON. A client that comes again gives the id back as Last-Event-ID. Neither id nor kind may have a line
// break. It fails with Canceled if the client is gone or does not read within writeTime.
func (s EventStream) Send(id, kind string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fault.New(fault.Internal, "The event could not be written.", fault.Op("httpapi.Send"), fault.Cause(err))
	}
	return s.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, kind, text))
}

// Beat writes a comment, so that proxies and the client see that the stream lives. It fails as Send does.
func (s EventStream) Beat() error { return s.write(":\n\n") }

// write writes and flushes a text. It fails with Canceled if the client has not taken it within writeTime.
func (s EventStream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // a writer without deadlines (in tests) writes without
	_, err := s.to.Write([]byte(text))
	return s.flushed(err)
}

// flushed flushes what was written, unless err is an error of writing. Either error becomes Canceled.
func (s EventStream) flushed(err error) error {
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		return fault.New(fault.Canceled, "The client is gone.", fault.Cause(err))
	}
	return nil
}
