package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
)

func TestAllRoutesJudgeQueriesByOneRule(t *testing.T) {
	t.Parallel()
	a := newList(t)
	Stream(a.Mux, "GET /public", func(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	for path, want := range map[string]string{
		"/things?colour=red":                "colour: is not a known query parameter",
		"/things?page_size=7&page_size=7":   "page_size: is given more than once",
		"/things?page_token=a&page_token=b": "page_token: is given more than once",
		"/public?colour=red":                "colour: is not a known query parameter",
		"/public?page_size=7":               "page_size: is not a known query parameter",
		"/public?%zz":                       "query: is not well-formed (application/x-www-form-urlencoded)",
		"/public?a=1;b=2":                   "query: is not well-formed (application/x-www-form-urlencoded)",
		"/public?&&=":                       ": Is not a known query parameter.",
	} {
		if got := strings.Join(a.call(http.MethodGet, path, "").wrong(), ", "); got != want {
			t.Errorf("%s: wrong is %q, want %q", path, got, want)
		}
	}
	a.call(http.MethodGet, "/public?", "").ok(http.StatusNoContent)
}

func TestDoubledMembersOfFreeObjectsAreRefused(t *testing.T) {
	t.Parallel()
	type free struct {
		Any any `json:"any"`
	}
	a := newAPI(t)
	Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, free) (struct{}, error) { return struct{}{}, nil })

	wrong := a.call(http.MethodPost, "/things/acme/fraud", `{"any":{"a":[{"b":1,"b":2}]}}`).wrong()

	if len(wrong) != 1 || wrong[0] != "any.a[0].b: is given more than once" {
		t.Errorf("wrong is %q", wrong)
	}
}

func TestTimesBeforeAllOursAreRefused(t *testing.T) {
	t.Parallel()
	for year, taken := range map[string]bool{"0000": false, "0001": false, "1969": false, "1970": true, "9999": true} {
		var at struct{ Plain, Pointed *time.Time }
		text := year + "-01-01T00:00:00Z"
		var s strict
		s.read([]byte(`"`+text+`"`), reflect.ValueOf(&at.Plain).Elem(), "since")
		err := setText(reflect.ValueOf(&at.Pointed).Elem(), text)
		if (err == nil) != taken || (len(s.errors) == 0) != taken {
			t.Errorf("%s: %v, %v", text, err, s.errors)
		}
	}
}
