package httpapi

import (
	"context"
	"crypto/sha256"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Handle adds a route whose use case takes a value and returns a value.
//
// In is filled by the tags of its fields: json (a member of the body), path, query, header; `path:"t/m"` joins two wildcards. Values may
// implement encoding.TextUnmarshaler; what their errors say is what the user reads. A member of the body is required unless it is a pointer or its
// tag says omitempty or omitzero; parameters and headers are optional. Unknown members and parameters are refused. Fields for If-Match and
// If-None-Match are condition.Match and condition.NoneMatch; a write that has such a header is refused where its route has no field for it. A list
// embeds page.Request and answers with (or embeds) page.Page.
//
// Out is answered as JSON, or with no body if it is struct{}. If it has ETag() string, that (unquoted) is its entity tag, and a GET that
// knows it is answered 304; if it has SetHeader(http.Header), that sets more headers.
//
// It panics if the table does not have the route for this function, or if the route needs an auth.Authenticator and there is none.
func Handle[In, Out any](m *Mux, pattern string, use func(context.Context, auth.Principal, In) (Out, error)) {
	plan := planOf(reflect.TypeFor[In]())
	m.add(pattern, func(route Route) answer {
		return func(x *telemetry.Exchange, r *http.Request, who auth.Principal) error {
			ctx, cancel := m.deadline(r.Context(), route)
			defer cancel()
			loan, err := m.lendBody(r)
			if err != nil {
				return err
			}
			defer loan.End()
			var in In
			ctx, err = m.decode(ctx, x, r, plan, reflect.ValueOf(&in).Elem(), who)
			if err != nil {
				return err
			}
			out, err := use(ctx, who, in)
			if err != nil {
				return err
			}
			seal := func(cursor string) string { return m.guard.cursors.seal(list(who, r), cursor) }
			return respond(x, r, route.Success(), addressed(&out), seal)
		}
	})
}

// addressed returns out, or what it points to if that is a pointer already, so that methods with pointer receivers are found on the answer.
func addressed[Out any](out *Out) any {
	if reflect.TypeFor[Out]().Kind() == reflect.Pointer {
		return *out
	}
	return out
}

// Stream adds a route whose handler reads or writes the bytes itself. The handler returns an error only before it has written anything. The
// body must arrive and the answer be read at a least rate (pace, answerPace); otherwise the route has no deadline. A query is refused. It panics as
// Handle does.
func Stream(m *Mux, pattern string, handler func(w http.ResponseWriter, r *http.Request, who auth.Principal) error) {
	m.add(pattern, func(Route) answer {
		return func(x *telemetry.Exchange, r *http.Request, who auth.Principal) error {
			defer m.paceBody(x, r)()
			if err := checkNoQuery(r); err != nil {
				return err
			}
			to := m.answers.limit(x, r, m.slowReads)
			defer to.leave()
			return handler(to, r, who)
		}
	})
}

// paceBody replaces the request's body by one that fails if it comes too slowly. The caller calls leave when the handler has returned.
func (m *Mux) paceBody(x *telemetry.Exchange, r *http.Request) (leave func()) {
	if r.ContentLength == 0 {
		return func() {}
	}
	body := m.pace.limit(r.Body, http.NewResponseController(x), m.slowSends)
	r.Body = body
	return body.leave
}

// bodyTime bounds the reading of a JSON body, so that a client which sends it byte by byte does not hold a connection.
const bodyTime = 30 * time.Second

// decode reads the request's body within bodyTime and fills in. It returns the context for the use case, with the Idempotency-Key of a POST.
// It fails as readBody does, and with Invalid or Unprocessable for wrong values.
func (m *Mux) decode(ctx context.Context, x *telemetry.Exchange, r *http.Request, p *plan, in reflect.Value, who auth.Principal) (context.Context, error) {
	var body []byte
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		var err error
		if body, err = readInTime(x, r); err != nil {
			return ctx, err
		}
	}
	work := m.decodes.Work(share.Of(ctx))
	if err := work.Begin(ctx, int64(len(body))); err != nil {
		return ctx, err
	}
	defer work.End()
	if err := p.fill(in, r, body); err != nil {
		return ctx, err
	}
	if p.page != nil {
		if err := m.openPage(in.FieldByIndex(p.page), r, who); err != nil {
			return ctx, err
		}
	}
	return withIdempotencyKey(ctx, r, body)
}

// readInTime reads the whole body as readBody does, for bodyTime at most.
func readInTime(x *telemetry.Exchange, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	control := http.NewResponseController(x)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a writer without deadlines (in tests) reads without
	body, err := readBody(x, r)
	_ = control.SetReadDeadline(time.Time{}) // or the wait for the answer would look like a client that is gone
	return body, err
}

// openPage sets After of a page.Request to the cursor in the query's page token, if there is one. It fails with Invalid for a token that this
// list did not give.
func (m *Mux) openPage(request reflect.Value, r *http.Request, who auth.Principal) error {
	token := r.URL.Query().Get(pageToken)
	if token == "" {
		return nil
	}
	cursor, err := m.guard.cursors.open(list(who, r), token)
	if err != nil {
		return err
	}
	wanted, _ := reflect.TypeAssert[*page.Request](request.Addr())
	wanted.After = cursor
	return nil
}

const (
	idempotencyKey    = "Idempotency-Key"
	maxIdempotencyKey = 255
)

// withIdempotencyKey returns a context with the Idempotency-Key of a POST and the hash of its address and body. Without a key, and for other
// methods, it returns ctx. It fails with Invalid for a malformed key.
func withIdempotencyKey(ctx context.Context, r *http.Request, body []byte) (context.Context, error) {
	values := r.Header[idempotencyKey]
	if r.Method != http.MethodPost || len(values) == 0 {
		return ctx, nil
	}
	if len(values) > 1 || len(values[0]) == 0 || len(values[0]) > maxIdempotencyKey || strings.ContainsFunc(values[0], unprintable) {
		return ctx, fault.New(fault.Invalid, "An Idempotency-Key is 1 to 255 printable ASCII characters, given once.", fault.Field(idempotencyKey))
	}
	hash := sha256.New()
	hash.Write([]byte(r.URL.RequestURI() + "\n"))
	hash.Write(body)
	return idempotency.With(ctx, idempotency.Key{Value: values[0], Route: r.Pattern, Body: [32]byte(hash.Sum(nil))}), nil
}

// unprintable reports whether c is anything but a printable ASCII character.
func unprintable(c rune) bool { return c < ' ' || c > '~' }
