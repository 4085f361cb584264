package httpapi

import (
	"net/http"
	"strings"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
)

// precondition checks If-Match and If-None-Match of a GET or HEAD against the resource's entity tag (RFC 9110, 13.2.2). known is true if the
// client has this version already. It fails with PreconditionFailed if If-Match names only other tags.
func precondition(r *http.Request, tag string) (known bool, err error) {
	match := condition.Match(strings.Join(r.Header.Values(condition.IfMatch), ", "))
	if condition.Check(match, "", tag) != nil {
		return false, fault.New(fault.PreconditionFailed, "If-Match names another entity tag than the resource has, which is "+quoted(tag)+".",
			fault.Field(condition.IfMatch))
	}
	return condition.NoneMatch(strings.Join(r.Header.Values(condition.IfNoneMatch), ", ")).Holds(tag), nil
}
