package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
)

func TestTheKindOfAnErrorIsItsOutermostFaults(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.NotFound, "There is no such model.")
	for want, err := range map[fault.Kind]error{
		fault.NotFound:    fmt.Errorf("resolve: %w", inner),
		fault.Unavailable: fault.New(fault.Unavailable, "The registry is away.", fault.Cause(inner)),
		fault.Timeout:     fmt.Errorf("call: %w", context.DeadlineExceeded),
		fault.Canceled:    fmt.Errorf("call: %w", context.Canceled),
		fault.Internal:    errors.New("boom"),
	} {
		if got := fault.KindOf(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

func TestWhatIsNoFaultShowsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	err := fault.From(errors.New("pq: password of admin is hunter2"))
	if err.Kind != fault.Internal || err.Message != "Something went wrong on our side." || err.Unwrap() == nil {
		t.Errorf("it becomes %+v", err)
	}
}

func TestEveryKindHasAStatusThatLeadsBackToIt(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds() {
		if got := fault.KindOfStatus(kind.Status()); got != kind {
			t.Errorf("%s is answered %d, which is read as %s", kind, kind.Status(), got)
		}
	}
	if fault.KindOfStatus(http.StatusTeapot) != fault.Invalid || fault.KindOfStatus(599) != fault.Internal {
		t.Error("unknown statuses are read wrongly")
	}
}

// gRPC's status codes: https://grpc.io/docs/guides/status-codes.
const (
	codeOK uint32 = iota
	codeCanceled
	codeUnknown
	codeInvalidArgument
	codeDeadlineExceeded
	codeNotFound
	codeAlreadyExists
	codePermissionDenied
	codeResourceExhausted
	codeFailedPrecondition
	codeAborted
	codeOutOfRange
	codeUnimplemented
	codeInternal
	codeUnavailable
	codeDataLoss
	codeUnauthenticated
)

func TestEveryKindHasTheCodeThatTellsWhatToDo(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]uint32{
		fault.Invalid: codeInvalidArgument, fault.Unprocessable: codeInvalidArgument,
		fault.Unauthenticated: codeUnauthenticated, fault.Forbidden: codePermissionDenied,
		fault.NotFound: codeNotFound, fault.Gone: codeNotFound,
		fault.Conflict: codeFailedPrecondition, fault.PreconditionFailed: codeAborted,
		fault.QuotaExceeded: codeResourceExhausted, fault.RateLimited: codeResourceExhausted, fault.TooLarge: codeResourceExhausted,
		fault.Unavailable: codeUnavailable, fault.Upstream: codeUnavailable,
		fault.Timeout: codeDeadlineExceeded, fault.Canceled: codeCanceled, fault.Internal: codeInternal, "nonsense": codeInternal,
	} {
		if got := kind.Code(); got != want {
			t.Errorf("%s is answered %d, want %d", kind, got, want)
		}
	}
}

// TestCodesAreReadAsTheyAreWritten holds the two directions between kinds and gRPC's codes to each other.
func TestCodesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds() {
		read := fault.KindOfCode(kind.Code())
		if read.Code() != kind.Code() || read.Retryable() != kind.Retryable() && kind.Code() != codeResourceExhausted {
			t.Errorf("%s is answered %d, which is read as %s", kind, kind.Code(), read)
		}
	}
	for code := codeCanceled; code <= codeUnauthenticated; code++ {
		if n := fault.Readers(code); n != 1 {
			t.Errorf("%d is read as %d kinds, want one", code, n)
		}
	}
	for code, want := range map[uint32]fault.Kind{
		codeAlreadyExists: fault.Conflict, codeResourceExhausted: fault.RateLimited, codeUnavailable: fault.Unavailable, codeNotFound: fault.NotFound,
		codeInvalidArgument: fault.Invalid, codeUnknown: fault.Internal, codeDataLoss: fault.Internal, 99: fault.Internal,
	} {
		if got := fault.KindOfCode(code); got != want {
			t.Errorf("%d is read as %s, want %s", code, got, want)
		}
	}
}

func TestFieldsCarryTheMessage(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Conflict, "The name is taken.", fault.Field("name"))
	if len(err.Fields) != 1 || err.Fields[0] != (fault.FieldError{Field: "name", Detail: "The name is taken."}) {
		t.Errorf("fields are %+v", err.Fields)
	}
}

func TestARequestThatWasEndedSaysWhy(t *testing.T) {
	t.Parallel()
	stopping := fault.New(fault.Unavailable, "The server is stopping.")
	ended, end := context.WithCancelCause(t.Context())
	end(stopping)
	left, leave := context.WithCancel(t.Context())
	leave()
	absent := fault.New(fault.NotFound, "There is no such model.")
	for _, c := range []struct {
		ctx  context.Context //nolint:containedctx // of one case
		err  error
		want fault.Kind
	}{
		{ended, context.Canceled, fault.Unavailable},
		{ended, fault.New(fault.Canceled, "The body ended early."), fault.Unavailable},
		{ended, fault.New(fault.Timeout, "Nothing of the body arrived."), fault.Unavailable},
		{ended, fault.New(fault.Unavailable, "the object store was not waited for"), fault.Unavailable},
		{ended, absent, fault.NotFound},
		{left, context.Canceled, fault.Canceled},
		{t.Context(), absent, fault.NotFound},
	} {
		if got := fault.Because(c.ctx, c.err); fault.KindOf(got) != c.want {
			t.Errorf("%v becomes %v", c.err, got)
		}
	}
}
