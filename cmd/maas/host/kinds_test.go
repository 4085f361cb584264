package host_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// TestEachRouteAnswersWithEachKindThatItDeclares provokes each kind of error that a public route declares, by a request to all functions with real stores.
// What a route answers and does not declare fails the test too (functiontest.Declared).
func TestEachRouteAnswersWithEachKindThatItDeclares(t *testing.T) {
	t.Parallel()
	s := openSite(t)
	special := s.provocations()
	for _, route := range public() {
		for _, kind := range route.Kinds() {
			p, ok := special[route.Pattern][kind]
			delete(special[route.Pattern], kind)
			if !ok {
				p, ok = s.usual(route, kind)
			}
			switch {
			case !ok && kind == fault.Unprocessable && follows(route):
				continue
			case !ok:
				t.Errorf("nothing provokes %s of %s: add a request to provocations_test.go, or take the kind out of the table", kind, route.Pattern)
				continue
			}
			if got := s.ask(route, p); got.Kind() != kind {
				t.Errorf("%s: %s was to be provoked; the answer is %d: %s", route.Pattern, kind, got.Status, got.Body)
			}
		}
	}
	for pattern, left := range special {
		for kind := range left {
			t.Errorf("%s does not declare %s, which provocations_test.go provokes", pattern, kind)
		}
	}
}

// follows reports whether the route follows a reference to a version, as GET …/versions/{ref} does. That one is asked in the place of all for a range that
// leads past too many versions, since the answer takes a second.
func follows(route httpapi.Route) bool {
	return strings.Contains(route.Pattern, "{ref}") || strings.Contains(route.Pattern, "{range}") || route.Procedure() && names(route)
}

// provocation is a request to a route that is answered with an error. What it leaves empty is as for a good request about site.subject.
type provocation struct {
	about  *subject
	in     []string // pairs of a wildcard and what stands for it
	query  string
	body   string
	header map[string]string
	token  string // "" is the owner's
	before func()
	first  string                 // the body of a request that is sent before, under the same Idempotency-Key, and succeeds
	at     *functiontest.Function // instead of all functions
}

// usual returns what provokes a kind that routes have by what they are.
func (s *site) usual(route httpapi.Route, kind fault.Kind) (provocation, bool) {
	switch {
	case kind == fault.Invalid:
		return provocation{query: "?not_a_parameter=1"}, true
	case kind == fault.Unauthenticated && route.Permission != api.Public:
		return provocation{token: nobody}, true
	case kind == fault.Forbidden && route.Permission != api.Self:
		return provocation{token: s.limited(route.Permission)}, true
	case kind == fault.NotFound && names(route):
		return provocation{about: &nothing}, true
	case kind == fault.TooLarge && !speaksInference(route) && !speaksConnect(route):
		return provocation{body: functiontest.MaxBody()}, true
	default:
		return provocation{}, false
	}
}
