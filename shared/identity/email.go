package identity

import (
	"strings"

	"github.com/17882237881/MaaS/api"
)

// local returns what stands before the @.
func local(e api.Email) string {
	name, _, _ := strings.Cut(string(e), "@")
	return name
}
