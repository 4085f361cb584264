package deployment

import (
	"github.com/17882237881/MaaS/api"
)

// Follows reports whether the state machine has the step; staying is one.
func Follows(from, to api.DeploymentStatus) bool {
	return from == to || from.CanBecome(to)
}
