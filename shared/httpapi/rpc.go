package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Mount adds a gRPC service: all procedures of the table under the prefix, "/maas.v1.ModelService/", go to the handler that connect
// generated, with the caller in the context (auth.PrincipalFrom). The handler should have ConnectErrors among its interceptors.
func Mount(m *Mux, prefix string, handler http.Handler) {
	for pattern := range m.routes {
		if strings.HasPrefix(pattern, http.MethodPost+" "+prefix) {
			m.add(pattern, func(route Route) answer { return m.call(route, handler) })
		}
	}
}

func (m *Mux) call(route Route, handler http.Handler) answer {
	return func(x *telemetry.Exchange, r *http.Request, who auth.Principal) error {
		if err := checkNoQuery(r); err != nil {
			return err
		}
		ctx, cancel := m.deadline(r.Context(), route)
		defer cancel()
		handler.ServeHTTP(x, r.WithContext(auth.WithPrincipal(ctx, who)))
		return nil
	}
}

func (m *Mux) deadline(ctx context.Context, route Route) (context.Context, context.CancelFunc) {
	if route.Deadline != 0 {
		return context.WithTimeout(ctx, route.Deadline)
	}
	return context.WithTimeout(ctx, m.timeout)
}

// ConnectErrors turns the faults that a service's methods return into gRPC's errors, and records them for the log.
func ConnectErrors() connect.Interceptor {
	return connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			response, err := next(ctx, request)
			if err == nil {
				return response, nil
			}
			err = fault.Because(ctx, err)
			telemetry.Fail(ctx, err)
			return nil, ConnectError(err)
		}
	})
}

// kindHeader carries the exact kind beside the code, since several kinds share one.
const kindHeader = "X-Maas-Kind"

// ConnectError gives a fault as gRPC's error: its kind's code, its message, and the exact kind in the metadatum X-Maas-Kind.
func ConnectError(err error) *connect.Error {
	e := fault.From(err)
	message, _ := e.Told()
	out := connect.NewError(connect.Code(e.Kind.Code()), errors.New(message))
	out.Meta().Set(kindHeader, string(e.Kind))
	if e.RetryAfter > 0 {
		out.Meta().Set("Retry-After", e.RetryAfter.Round(time.Millisecond).String())
	}
	return out
}

// respondError answers with an error in the protocol that the request came in.
func respondError(w http.ResponseWriter, r *http.Request, err error) {
	if !isProcedure(r) {
		WriteProblem(w, r, err)
		return
	}
	err = fault.Because(r.Context(), err)
	telemetry.Fail(r.Context(), err)
	_ = connect.NewErrorWriter().Write(w, r, ConnectError(err)) // a client that is gone needs no answer
}

// isProcedure reports whether the path is a procedure's, /package.Service/Method, rather than a resource's.
func isProcedure(r *http.Request) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return ok && r.Method == http.MethodPost && method != "" && strings.Contains(service, ".")
}
