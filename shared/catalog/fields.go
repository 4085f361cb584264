package catalog

import (
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
)

// invalid makes the fault of one bad field; the rule begins with a verb or names its subject.
func invalid(field, rule string, values ...any) error {
	return fault.New(fault.Invalid, fmt.Sprintf(rule, values...), fault.Field(field))
}
