package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// What an answer may say of itself beside its JSON.
type (
	tagged   interface{ ETag() string }
	headed   interface{ SetHeader(h http.Header) }
	sealable interface {
		Seal(sign func(cursor string) string)
	}
)

// writeTime bounds the writing of an answer, so that a client which does not read it does not hold a connection.
const writeTime = 30 * time.Second

// respond answers with out, a pointer to a use case's answer, as JSON, or with 304 if the client has it already. An out of *struct{} has no
// body; seal signs the page token. It fails with Internal, before it writes anything, if out cannot be encoded.
func respond(x *telemetry.Exchange, r *http.Request, status int, out any, seal func(string) string) error {
	if paged, ok := out.(sealable); ok {
		paged.Seal(seal)
	}
	var body bytes.Buffer
	if _, empty := out.(*struct{}); !empty {
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(out); err != nil {
			return fault.New(fault.Internal, "The answer could not be written.", fault.Op("httpapi.respond"), fault.Cause(err))
		}
	}
	if setAnswerHeaders(x.Header(), r, out) {
		status = http.StatusNotModified
		body.Reset()
	}
	_ = http.NewResponseController(x).SetWriteDeadline(time.Now().Add(writeTime)) // a writer without deadlines (in tests) writes without
	send(x, r, status, body.Bytes())
	return nil
}

// setAnswerHeaders sets the headers of an answer, the ETag included. It reports whether If-None-Match of a GET or HEAD
// lists the ETag, so that a 304 is to be sent (RFC 9110, 13.1.2).
func setAnswerHeaders(h http.Header, r *http.Request, out any) (known bool) {
	if more, ok := out.(headed); ok {
		more.SetHeader(h)
	}
	if one, ok := out.(tagged); ok {
		tag := one.ETag()
		h.Set("ETag", `"`+tag+`"`)
		none := condition.NoneMatch(strings.Join(r.Header.Values(condition.IfNoneMatch), ", "))
		return (r.Method == http.MethodGet || r.Method == http.MethodHead) && none.Holds(tag)
	}
	return false
}

// send writes the status and the JSON body, without the body for HEAD.
func send(x *telemetry.Exchange, r *http.Request, status int, body []byte) {
	h := x.Header()
	if len(body) > 0 {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.WriteHeader(status)
	if r.Method != http.MethodHead && len(body) > 0 {
		_, _ = x.Write(body) // a client that is gone needs no answer
	}
}
