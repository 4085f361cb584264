package ref_test

import (
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestReservedNamesAreNotRegistrable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"v1", "v2", "openai", "api", "auth", "upload", "mcp", "ui", "health", "version", "schemas", ".well-known", "openapi.json", "models",
	} {
		faulttest.AssertKind(t, ref.Tenant(name).CheckRegistrable(), fault.Invalid, "tenant")
	}
	for _, name := range []string{"acme", "v", "v3", "v10", "apis", "model", "openai-2", "uploads"} {
		if err := ref.Tenant(name).CheckRegistrable(); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
}

// TestReservedNamesAreStillReferences keeps the models of a tenant reachable that was registered before its name was reserved.
func TestReservedNamesAreStillReferences(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"v1/fraud", "models/fraud", "api/models"} {
		if m, err := ref.ParseModel(text); err != nil || m.String() != text {
			t.Errorf("%q is read as %s, %v", text, m, err)
		}
	}
}
