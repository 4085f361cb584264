package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestEventsAreWrittenAsBrowsersReadThem(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	stream := NewEventStream(answer)

	if err := errors.Join(stream.Send("7", "progress", map[string]string{"line": "a\nb"}), stream.Beat()); err != nil {
		t.Fatal(err)
	}

	if want := "id: 7\nevent: progress\ndata: {\"line\":\"a\\nb\"}\n\n:\n\n"; answer.Body.String() != want {
		t.Errorf("%q, want %q", answer.Body, want)
	}
	if got := answer.Header().Get("Content-Type"); got != "text/event-stream" || !answer.Flushed {
		t.Errorf("content type %q, flushed %v", got, answer.Flushed)
	}
}

func TestAStreamBeginsWithoutAnEvent(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	if err := NewEventStream(answer).Begin(); err != nil || !answer.Flushed || answer.Body.Len() > 0 {
		t.Errorf("%v, flushed %v, %q", err, answer.Flushed, answer.Body)
	}
}

// broken is the writer of a client that is gone.
type broken struct{ http.ResponseWriter }

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAClientThatIsGoneEndsItsStream(t *testing.T) {
	t.Parallel()
	stream := NewEventStream(broken{httptest.NewRecorder()})

	faulttest.AssertKind(t, stream.Beat(), fault.Canceled)
}
