// Package api has what MaaS and its clients say to each other: the resources of the API, the requests for them, their statuses, and the payloads of events.
//
// A value that was decoded from JSON or parsed is valid; what is malformed gives a fault of kind Invalid that names the field and the limit. In a request
// the tag path, query or header says where a field goes; all others are members of the body.
package api

import (
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
)

// invalid returns the fault of one malformed field. The rule begins with a verb or names its subject.
func invalid(field, rule string, values ...any) error {
	return fault.New(fault.Invalid, fmt.Sprintf(rule, values...), fault.Field(field))
}
