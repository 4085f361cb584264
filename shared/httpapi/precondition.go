package httpapi

import (
	"net/http"
	"strings"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
)

// precondition judges If-Match and If-None-Match of a GET or HEAD of what has the entity tag (RFC 9110, 13.2.2), and reports whether the client
// has it already. It fails with PreconditionFailed if If-Match names other tags alone.
func precondition(r *http.Request, tag string) (known bool, err error) {
	match := condition.Match(strings.Join(r.Header.Values(condition.IfMatch), ", "))
	if condition.Check(match, "", tag) != nil {
		return false, fault.New(fault.PreconditionFailed, "If-Match names another entity tag than the resource has, which is "+quoted(tag)+".",
			fault.Field(condition.IfMatch))
	}
	return condition.NoneMatch(strings.Join(r.Header.Values(condition.IfNoneMatch), ", ")).Holds(tag), nil
}
