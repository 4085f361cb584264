package httpapi

import (
	"slices"
	"testing"
)

func TestFaultsDoNotRepeatWhatARouteDeclaresAnyway(t *testing.T) {
	t.Parallel()
	for _, route := range Routes() {
		plain := route
		plain.Faults = nil
		for i, kind := range route.Faults {
			if slices.Contains(plain.Kinds(), kind) || slices.Contains(route.Faults[:i], kind) {
				t.Errorf("%s: %s is declared twice", route.Pattern, kind)
			}
		}
	}
}
