package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// kinds is a list of kinds of errors.
type kinds = []fault.Kind

// Everywhere returns the kinds of errors that any route may return, whatever the request: MaaS is overloaded, shuts
// down, waits for a store that is unavailable, or has a defect, or the client has closed the connection.
func Everywhere() []fault.Kind {
	return kinds{fault.RateLimited, fault.Canceled, fault.Internal, fault.Upstream, fault.Unavailable, fault.Timeout}
}

// Declares reports whether the route may answer with an error of the kind.
func (r Route) Declares(kind fault.Kind) bool {
	return slices.Contains(r.Kinds(), kind) || slices.Contains(Everywhere(), kind)
}

// Kinds returns the kinds of errors that a client of the route has to expect, ordered by their status: the route's own (Faults), and those that its
// permission, its method and its path bring with them. Everywhere has those that any route may answer.
func (r Route) Kinds() []fault.Kind {
	method, path, _ := strings.Cut(r.Pattern, " ")
	names := func(wildcard string) bool { return strings.Contains(path, wildcard) }
	all := slices.Concat(kinds{fault.Invalid}, r.Faults)
	for kind, brought := range map[fault.Kind]bool{
		fault.Unauthenticated: r.Permission != api.Public,
		fault.Forbidden:       r.Permission != api.Public && r.Permission != api.Self,
		fault.NotFound:        names("{"),
		// Of a chunk the length is known, and any other is Invalid; gRPC's own limit on messages has no kind.
		fault.TooLarge: method != http.MethodGet && !names("/chunks/") && !r.Procedure(),
		// A range that leads past too many versions, an alias that reads like a version, a key that another request had.
		fault.Unprocessable: names("{ref}") || names("{range}") || names("{alias}") || r.Keyed,
	} {
		if brought {
			all = append(all, kind)
		}
	}
	slices.SortFunc(all, func(a, b fault.Kind) int { return a.Status() - b.Status() })
	return slices.Compact(all)
}

// Procedure reports whether the route is a procedure of gRPC, gRPC-Web and Connect.
func (r Route) Procedure() bool {
	method, path, _ := strings.Cut(r.Pattern, " ")
	return method == http.MethodPost && procedurePath(path)
}
