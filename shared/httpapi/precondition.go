package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/shared/fault"
)

// precondition judges If-Match and If-None-Match of a GET or HEAD of what has the entity tag (RFC 9110, 13.2.2), and reports whether the client
// has it already. It fails with PreconditionFailed if If-Match names other tags alone.
func precondition(r *http.Request, tag string) (known bool, err error) {
	if match := r.Header.Values("If-Match"); len(match) > 0 && !names(match, quoted(tag)) {
		return false, fault.New(fault.PreconditionFailed, "If-Match names another entity tag than the resource has, which is "+quoted(tag)+".",
			fault.Field("If-Match"))
	}
	return lists(strings.Join(r.Header.Values("If-None-Match"), ","), quoted(tag)), nil
}

// names reports whether one of the lines of a header lists the tag; it compares strongly (RFC 9110, 8.8.3.2).
func names(lines []string, tag string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		return strings.TrimSpace(line) == "*" || slices.ContainsFunc(strings.Split(line, ","), func(one string) bool {
			return strings.TrimSpace(one) == tag
		})
	})
}
