// Package faulttest asserts kinds of errors.
package faulttest

import (
	"slices"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
)

// AssertKind fails the test unless err is of the kind and, where fields are given, names each of them.
func AssertKind(t testing.TB, err error, kind fault.Kind, fields ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", kind)
	}
	if got := fault.KindOf(err); got != kind {
		t.Fatalf("error is %s, want %s: %v", got, kind, err)
	}
	for _, field := range fields {
		if !slices.ContainsFunc(fault.From(err).Fields, func(f fault.FieldError) bool { return f.Field == field }) {
			t.Errorf("error does not name the field %q: %v", field, fault.From(err).Fields)
		}
	}
}
