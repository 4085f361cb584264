package resolver

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

const (
	patience     = 5 * time.Second // for one try
	tries        = 3
	firstPause   = 50 * time.Millisecond
	longestPause = 500 * time.Millisecond
	breakAfter   = 10          // failures in a row
	breakFor     = time.Second // until the next call is let through to see
)

// policy is how a service is asked that may be away.
type policy = failsafe.Executor[any]

// newPolicy returns a policy that retries calls that fail with Unavailable, three attempts in all, and sends none for a second after ten such
// failures in a row.
func newPolicy() policy {
	away := func(_ any, err error) bool { return fault.Is(err, fault.Unavailable) }
	retry := retrypolicy.NewBuilder[any]().HandleIf(away).AbortOnErrors(circuitbreaker.ErrOpen).
		WithMaxAttempts(tries).WithBackoff(firstPause, longestPause).WithJitterFactor(0.25).ReturnLastFailure().Build()
	breaker := circuitbreaker.NewBuilder[any]().HandleIf(away).WithFailureThreshold(breakAfter).WithDelay(breakFor).Build()
	return failsafe.With[any](retry, breaker)
}

// tenant names for whom the gateway asks; it is zero where the answer is what tells.
type tenant struct {
	id   uuid.UUID
	name ref.Tenant
}

// call calls a procedure as the gateway, for a tenant, and charges it to ctx's holder. Each attempt takes at most 5 s. It fails with the service's
// own fault, with Unavailable if the service does not answer or the policy's circuit is open, and with ctx's error if ctx ends first, which the
// policy does not count as a failure.
func call[In, Out any](
	ctx context.Context, r *Resolver, p policy, of tenant, in *In, ask func(context.Context, *connect.Request[In]) (*connect.Response[Out], error),
	procedure string,
) (*Out, error) {
	answer, err := p.WithContext(ctx).Get(func() (any, error) {
		try, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		request := connect.NewRequest(in)
		r.gateway.Sign(request.Header(), procedure, of.id, of.name)
		auth.Charge(request.Header(), share.Of(ctx))
		telemetry.Inject(try, request.Header())
		response, err := ask(try, request)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, faultOf(err)
		}
		return response.Msg, nil
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, circuitbreaker.ErrOpen) {
		return nil, fault.New(fault.Unavailable, "The registry is away; try again.", fault.RetryAfter(breakFor), fault.Cause(err))
	}
	out, _ := answer.(*Out)
	return out, err
}

// faultOf converts the error of a call to the registry. A refusal by the service keeps its kind and message; all else,
// the service's Internal included, is Unavailable.
func faultOf(err error) error {
	var refusal *connect.Error
	if !errors.As(err, &refusal) || !connect.IsWireError(err) {
		return away(err)
	}
	kind := fault.Kind(refusal.Meta().Get(fault.KindHeader))
	switch kind {
	case fault.Unavailable, fault.Internal, "": // "": not the service answered, but a proxy before it
		return away(err)
	default:
		return fault.New(kind, refusal.Message(), fault.Op("resolver"))
	}
}

// away returns the Unavailable fault of a registry that does not answer.
func away(err error) error {
	return fault.New(fault.Unavailable, "The registry is away; try again.", fault.Op("resolver"), fault.Cause(err))
}
