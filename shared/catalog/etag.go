package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/17882237881/MaaS/shared/fault"
)

// etagOf is a resource's entity tag: it changes with anything that the resource says.
func etagOf(resource any) string {
	text, err := json.Marshal(resource)
	if err != nil {
		return "" // resources are plain values, which always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Match is the entity tag of an If-Match: "" where the request has none, "*" for any state.
type Match string

// check fails with PreconditionFailed unless the resource is in the state that the request was made for.
func (m Match) check(current string) error {
	if m == "" || m == "*" || string(m) == current {
		return nil
	}
	return fault.New(fault.PreconditionFailed, "The resource has changed since you read it; read it again.", fault.Field("If-Match"))
}
