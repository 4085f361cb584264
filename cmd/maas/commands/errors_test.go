package commands

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
)

func TestEachErrorHasItsStatus(t *testing.T) {
	t.Parallel()
	for want, errs := range map[int][]error{
		0:                 {nil},
		statusFailed:      {errors.New("x"), fault.New(fault.Unprocessable, "x"), fault.New(fault.Invalid, "x"), fault.New(fault.Internal, "x")},
		statusUsage:       {misuse(errors.New("x")), misuse(fault.New(fault.NotFound, "x"))},
		statusSignedOut:   {fault.New(fault.Unauthenticated, "x"), fault.New(fault.Forbidden, "x")},
		statusNotFound:    {fault.New(fault.NotFound, "x"), fault.New(fault.Gone, "x")},
		statusConflict:    {fault.New(fault.Conflict, "x"), fault.New(fault.PreconditionFailed, "x")},
		statusUnavailable: {fault.New(fault.Unavailable, "x"), context.DeadlineExceeded, fault.New(fault.RateLimited, "x")},
		statusInterrupted: {context.Canceled, fmt.Errorf("x: %w", context.Canceled)},
	} {
		for _, err := range errs {
			if got := Status(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
		}
	}
}

func TestAnErrorIsOneLineForTheUser(t *testing.T) {
	t.Parallel()
	secret := errors.New("a cause for the log")
	for want, err := range map[string]error{
		"Taken. (field: tenant)":                         fault.New(fault.Conflict, "Taken.", fault.Field("tenant"), fault.Cause(secret)),
		"Two mistakes. (field: a: is short; b: is long)": fault.New(fault.Invalid, "Two mistakes.", fault.Fields(fault.FieldError{Field: "a", Detail: "is short"}, fault.FieldError{Field: "b", Detail: "is long"})),
		`a\nb\x1b[31m is no file`:                        fault.New(fault.Invalid, "a\nb\x1b[31m is no file"),
		"interrupted":                                    fmt.Errorf("read: %w", context.Canceled),
		"unknown flag: --x":                              misuse(errors.New("unknown flag: --x")),
	} {
		if got := Explain(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
