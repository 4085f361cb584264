package httpapi

import (
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
// permission and its path bring with them. Everywhere has those that any route may answer.
func (r Route) Kinds() []fault.Kind {
	all := slices.Concat(kinds{fault.Invalid}, r.Faults)
	if r.Permission != api.Public {
		all = append(all, fault.Unauthenticated)
	}
	if r.Permission != api.Public && r.Permission != api.Self {
		all = append(all, fault.Forbidden)
	}
	if strings.Contains(r.Pattern, "{") {
		all = append(all, fault.NotFound)
	}
	slices.SortFunc(all, func(a, b fault.Kind) int { return a.Status() - b.Status() })
	return slices.Compact(all)
}
