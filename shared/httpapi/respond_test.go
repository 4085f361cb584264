package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/idempotency"
)

// versioned is an answer that has an entity tag and a header of its own.
type versioned struct {
	Text string `json:"text"`
}

func (versioned) ETag() string            { return "seven" }
func (versioned) SetHeader(h http.Header) { h.Set("Location", "/things/7") }

// newThing has a route that answers one thing.
func newThing(t *testing.T) *testAPI {
	t.Helper()
	a := newAPI(t)
	Handle(a.Mux, "GET /things/{id}", func(_ context.Context, _ auth.Principal, in struct {
		ID string `path:"id"`
	}) (versioned, error) {
		return versioned{"<" + in.ID + ">"}, nil
	})
	return a
}

func TestAnAnswerHasItsTagAndHeaders(t *testing.T) {
	t.Parallel()
	r := newThing(t).call(http.MethodGet, "/things/a", "").ok(http.StatusOK)
	h := r.Header()
	if r.Body.String() != `{"text":"<a>"}`+"\n" || h.Get("ETag") != `"seven"` || h.Get("Location") != "/things/7" || h.Get("Content-Type") != "application/json" {
		t.Errorf("answer is %s with %v", r.Body, h)
	}
}

func TestAClientThatHasTheAnswerGetsNone(t *testing.T) {
	t.Parallel()
	a := newThing(t)
	for tags, status := range map[string]int{
		`"seven"`: http.StatusNotModified, `W/"seven"`: http.StatusNotModified, `"six", "seven"`: http.StatusNotModified,
		"*": http.StatusNotModified, `"six"`: http.StatusOK, "seven": http.StatusOK,
	} {
		if r := a.call(http.MethodGet, "/things/a", "", "If-None-Match", tags).ok(status); status == http.StatusNotModified && r.Body.Len() != 0 {
			t.Errorf("%s: 304 with the body %s", tags, r.Body)
		}
	}
}

func TestHeadIsAnsweredLikeGetWithoutABody(t *testing.T) {
	t.Parallel()
	r := newThing(t).call(http.MethodHead, "/things/a", "").ok(http.StatusOK)
	if r.Body.Len() != 0 || r.Header().Get("Content-Length") != "15" {
		t.Errorf("answer is %q with %v", r.Body, r.Header())
	}
}

func TestAnEmptyAnswerHasNoBody(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "DELETE /things/{id}", func(context.Context, auth.Principal, struct{}) (struct{}, error) { return struct{}{}, nil })
	if r := a.call(http.MethodDelete, "/things/a", "").ok(http.StatusNoContent); r.Body.Len() != 0 || r.Header().Get("Content-Type") != "" {
		t.Errorf("answer is %q with %v", r.Body, r.Header())
	}
}

func TestAnAnswerThatCannotBeWrittenIsOurFailure(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "GET /public", func(context.Context, auth.Principal, struct{}) (map[string]any, error) {
		return map[string]any{"f": func() {}}, nil
	})
	a.call(http.MethodGet, "/public", "").problem("internal")
}

// failing has a route of the inference protocol that fails with err.
func failing(t *testing.T, err error) result {
	t.Helper()
	a := newAPI(t)
	Handle(a.Mux, "GET /v2/fails", func(context.Context, auth.Principal, struct{}) (struct{}, error) { return struct{}{}, err })
	return a.call(http.MethodGet, "/v2/fails", "")
}

func TestAProblemHasTheFormOfTheDesign(t *testing.T) {
	t.Parallel()
	r := failing(t, fault.New(fault.Conflict, "The name is taken.", fault.Field("name"), fault.Cause(errors.New("secret"))))
	want := `{"type":"https://maas.dev/problems/conflict","title":"Conflict","status":409,"detail":"The name is taken.",` +
		`"instance":"` + r.Header().Get("X-Request-Id") + `","errors":[{"field":"name","detail":"The name is taken."}],"error":"The name is taken."}`
	if r.Body.String() != want || len(r.Header().Get("X-Request-Id")) != 32 {
		t.Errorf("problem is\n%s, want\n%s", r.Body, want)
	}
}

func TestAnUnknownErrorShowsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	if p := failing(t, errors.New("password=1234")).problem("internal"); strings.Contains(p.Detail, "1234") {
		t.Errorf("detail is %q", p.Detail)
	}
}

func TestAProblemSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"2": fault.New(fault.Unavailable, "away"),
		"8": fault.New(fault.RateLimited, "slow down", fault.RetryAfter(7001*time.Millisecond)),
		"":  fault.New(fault.NotFound, "no"),
	} {
		if got := failing(t, err).Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After is %q, want %q", err, got, want)
		}
	}
}

func TestAUseCaseEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.timeout = time.Millisecond
	Handle(a.Mux, "GET /public", func(ctx context.Context, _ auth.Principal, _ struct{}) (struct{}, error) {
		<-ctx.Done()
		return struct{}{}, ctx.Err()
	})
	a.call(http.MethodGet, "/public", "").problem("timeout")
}

func TestWhatNoRouteMatchesIsAProblem(t *testing.T) {
	t.Parallel()
	a := newThing(t)
	a.call(http.MethodGet, "/nowhere", "").problem("not_found")

	r := a.call(http.MethodPut, "/things/a", "").ok(http.StatusMethodNotAllowed)

	if allow := r.Header().Get("Allow"); allow != "GET, HEAD" || r.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("Allow is %q; answer is %s", allow, r.Body)
	}
}

func TestAnIdempotencyKeyReachesTheUseCaseWithTheHashOfItsRequest(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var keys []idempotency.Key
	Handle(a.Mux, "POST /things/{t}/{m}", func(ctx context.Context, _ auth.Principal, _ thing) (struct{}, error) {
		key, _ := idempotency.From(ctx)
		keys = append(keys, key)
		return struct{}{}, nil
	})
	send := func(path, body string) {
		a.call(http.MethodPost, path, body, "Idempotency-Key", "k").ok(http.StatusCreated)
	}

	send("/things/acme/a", `{"title":"a"}`)
	send("/things/acme/a", `{"title":"a"}`)
	send("/things/acme/a", `{"title":"b"}`)
	send("/things/acme/b", `{"title":"a"}`)

	if keys[0] != keys[1] || keys[0] == keys[2] || keys[0] == keys[3] || keys[0].Value != "k" || keys[0].Route != "POST /things/{t}/{m}" {
		t.Errorf("keys are %v", keys)
	}
}

func TestABadIdempotencyKeyIsInvalid(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, thing) (struct{}, error) { return struct{}{}, nil })
	for _, key := range []string{strings.Repeat("x", 256), "a\tb", "ключ"} {
		if wrong := a.call(http.MethodPost, "/things/acme/a", `{"title":"a"}`, "Idempotency-Key", key).wrong(); len(wrong) != 1 {
			t.Errorf("%q: wrong is %q", key, wrong)
		}
	}
}
