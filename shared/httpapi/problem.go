package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Problem is an error as the client sees it (RFC 9457, 3).
type Problem struct {
	Type     string             `json:"type"` // https://maas.dev/problems/<kind>
	Title    string             `json:"title"`
	Status   int                `json:"status"`
	Detail   string             `json:"detail"`
	Instance string             `json:"instance"` // the request's id
	Errors   []fault.FieldError `json:"errors,omitempty"`
	// Error repeats Detail under /v2, where clients of the Open Inference Protocol read it.
	Error string `json:"error,omitempty"`
}

// ProblemType is what a problem's type begins with; the kind follows.
const ProblemType = "https://maas.dev/problems/"

// defaultRetry is when a client may come again after 429 and 503 where the error does not say.
const defaultRetry = 2 * time.Second

// WriteProblem answers a request with an error, and records it for the log. Nothing of the answer may have been written before.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	err = fault.Because(r.Context(), err)
	telemetry.Fail(r.Context(), err)
	e := fault.From(err)
	message, fields := e.Told()
	problem := Problem{
		Type: ProblemType + string(e.Kind), Title: title(e.Kind), Status: e.Kind.Status(), Detail: message,
		Instance: telemetry.RequestID(r.Context()), Errors: fields,
	}
	if strings.HasPrefix(r.URL.Path, "/v2") {
		problem.Error = message
	}
	setErrorHeaders(w.Header(), r, e)
	problem.write(w)
}

// writeMethodNotAllowed writes a 405 for a path that has no route for the request's method. Its problem has the type
// about:blank, since the status says everything (RFC 9457, 4.2.1). The caller sets the Allow header.
func writeMethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	Problem{
		Type: "about:blank", Title: http.StatusText(http.StatusMethodNotAllowed), Status: http.StatusMethodNotAllowed,
		Detail: "This address has no " + r.Method + "; the Allow header lists what it has.", Instance: telemetry.RequestID(r.Context()),
	}.write(w)
}

// write writes the problem as the whole response.
func (p Problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(p) //nolint:errchkjson // strings and numbers always encode
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// setErrorHeaders sets the headers of an error's response: Cache-Control, and where its kind asks for them WWW-Authenticate and Retry-After.
func setErrorHeaders(h http.Header, r *http.Request, e *fault.Error) {
	h.Set("Cache-Control", "no-store")
	if e.Kind == fault.Unauthenticated {
		challenge := `Bearer realm="maas"`
		if hasCredential(r) {
			challenge += `, error="invalid_token"` // RFC 6750, 3.1
		}
		h.Set("WWW-Authenticate", challenge)
	}
	if after := retryAfter(e); after > 0 {
		h.Set("Retry-After", seconds(after))
	}
}

// retryAfter returns how long the caller should wait before it tries again: what the error says, or defaultRetry, for RateLimited and
// Unavailable, and 0 for other kinds.
func retryAfter(e *fault.Error) time.Duration {
	switch {
	case e.Kind != fault.RateLimited && e.Kind != fault.Unavailable:
		return 0
	case e.RetryAfter <= 0:
		return defaultRetry
	default:
		return e.RetryAfter
	}
}

// seconds formats a duration as the header Retry-After has it (RFC 9110, 10.2.3), rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// title returns the kind in words: "Not found".
func title(kind fault.Kind) string {
	words := strings.ReplaceAll(string(kind), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
