package ref

import (
	"fmt"
	"slices"

	"github.com/17882237881/MaaS/api/fault"
)

// Some paths begin with a tenant's name, /acme/fraud/resolve/main/model.onnx and /v2/acme/fraud/manifests/1.4.0. Others must never be taken for one of
// these, so no new tenant gets the name of a segment in these lists. Their order is that of the documentation.
var (
	// firstSegments are those that paths of the service itself begin with. Names of gRPC services have dots, and so are no tenants' either.
	firstSegments = []string{
		"v1", "v2", "openai", "api", "auth", "upload", "mcp", "ui", "health", "version", "schemas", ".well-known", "openapi.json",
	}
	// inferenceSegments are those that follow /v2/ in the Open Inference Protocol.
	inferenceSegments = []string{"models", "health"}
)

// FirstSegments returns the reserved first segments of paths.
func FirstSegments() []string { return slices.Clone(firstSegments) }

// InferenceSegments returns the reserved second segments of paths below /v2/.
func InferenceSegments() []string { return slices.Clone(inferenceSegments) }

// IsFirstSegment reports whether the first segment of a path is reserved.
func IsFirstSegment(s string) bool { return slices.Contains(firstSegments, s) }

// IsInferenceSegment reports whether the second segment of a path below /v2/ is reserved.
func IsInferenceSegment(s string) bool { return slices.Contains(inferenceSegments, s) }

// CheckRegistrable returns a fault of kind Invalid if no new tenant may have the name, because it is reserved. References to the models of tenants that
// have such a name already stay valid: ParseTenant accepts it.
func (t Tenant) CheckRegistrable() error {
	if !IsFirstSegment(string(t)) && !IsInferenceSegment(string(t)) {
		return nil
	}
	message := fmt.Sprintf("The tenant name %q is reserved for addresses of the service. Choose another name.", string(t))
	return fault.New(fault.Invalid, message, fault.Field("tenant"))
}
