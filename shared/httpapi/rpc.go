package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Mount adds a gRPC service: all procedures that the table has for this function under the prefix, such as "/maas.v1.ModelService/", go to the handler
// that connect generated, with the caller in the context (auth.PrincipalFrom). The handler should have ConnectErrors among its interceptors. As in
// Stream, a body must arrive and an answer be read at a least rate, and a query is refused; unlike there, a call has its route's deadline.
//
// Without such a procedure it does nothing. It panics if one needs an auth.Authenticator and there is none.
func Mount(m *Mux, prefix string, handler http.Handler) {
	for pattern := range m.routes {
		if strings.HasPrefix(pattern, http.MethodPost+" "+prefix) {
			m.add(pattern, func(route Route) answer { return m.call(route, handler) })
		}
	}
}

// call returns the answer that passes a request on to a gRPC handler, within the route's deadline and with the caller in the context. A query
// is refused.
func (m *Mux) call(route Route, handler http.Handler) answer {
	return func(x *telemetry.Exchange, r *http.Request, who auth.Principal) error {
		if err := checkNoQuery(r); err != nil {
			return err
		}
		ctx, cancel := m.deadline(r.Context(), route)
		defer cancel()
		r = r.WithContext(auth.WithPrincipal(ctx, who))
		defer m.paceBody(x, r)()
		r.Body = connectBody{r.Body}
		to := m.answers.limit(x, r, m.slowReads)
		defer to.leave()
		handler.ServeHTTP(to, r)
		return nil
	}
}

// deadline returns a context with the route's deadline, or with the Mux's default if the route has none.
func (m *Mux) deadline(ctx context.Context, route Route) (context.Context, context.CancelFunc) {
	if route.Deadline != 0 {
		return context.WithTimeout(ctx, route.Deadline)
	}
	return context.WithTimeout(ctx, m.timeout)
}

// connectBody is a request's body whose faults are connect's errors, which is what connect passes on of a body's.
type connectBody struct{ io.ReadCloser }

// Read implements io.Reader. A fault becomes an error that is also a *connect.Error.
func (b connectBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		err = bodyError{e}
	}
	return n, err
}

// bodyError is a fault for those who look for one, and connect's error for connect.
type bodyError struct{ fault *fault.Error }

// Error implements error.
func (e bodyError) Error() string { return e.fault.Error() }

// As lets errors.As find connect's error.
func (e bodyError) As(target any) bool {
	to, ok := target.(**connect.Error)
	if ok {
		*to = ConnectError(e.fault)
	}
	return ok
}

// Unwrap lets errors.As find the fault.
func (e bodyError) Unwrap() error { return e.fault }

// ConnectErrors returns an interceptor that turns the errors of a service's methods into gRPC's, as ConnectError does, and records them for
// the log.
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

// ConnectError returns an error of gRPC for a fault: with its kind's code and its message, and the exact kind in X-Maas-Kind. The time to wait
// is in Retry-After and in a google.rpc.RetryInfo; wrong fields are in a google.rpc.BadRequest.
func ConnectError(err error) *connect.Error {
	e := fault.From(err)
	message, _ := e.Told()
	out := connect.NewError(connect.Code(e.Kind.Code()), errors.New(message))
	out.Meta().Set(fault.KindHeader, string(e.Kind))
	if after := retryAfter(e); after > 0 {
		out.Meta().Set("Retry-After", seconds(after))
		if detail, err := connect.NewErrorDetail(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			out.AddDetail(detail)
		}
	}
	if detail := badRequest(e.Fields); detail != nil {
		out.AddDetail(detail)
	}
	return out
}

// badRequest returns the fields that are wrong as a google.rpc.BadRequest, and nil if there are none or a text is not UTF-8.
func badRequest(fields []fault.FieldError) *connect.ErrorDetail {
	if len(fields) == 0 {
		return nil
	}
	list := &errdetails.BadRequest{}
	for _, f := range fields {
		list.FieldViolations = append(list.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Field, Description: f.Detail})
	}
	detail, err := connect.NewErrorDetail(list)
	if err != nil { // a text that is not UTF-8
		return nil
	}
	return detail
}

// respondError answers with an error, in the protocol of the request: a gRPC or Connect error for a procedure, and a problem otherwise. It
// records the error for the log.
func respondError(w http.ResponseWriter, r *http.Request, err error) {
	if !isProcedure(r) {
		WriteProblem(w, r, err)
		return
	}
	err = fault.Because(r.Context(), err)
	telemetry.Fail(r.Context(), err)
	writeConnectError(w, r, ConnectError(err))
}

const (
	// unreadMessage and unreadTime bound what is read of a message that is refused. The answer to a stream that its client has not ended yet is followed
	// by RST_STREAM (RFC 9113, 8.1), for which proxies drop what has come of the answer. Most messages are on their way when they are refused.
	unreadMessage = 64 << 10
	unreadTime    = time.Second
)

// writeConnectError answers in the protocol of the request: gRPC, gRPC-Web or Connect. A client that is gone needs no answer, so failures are ignored.
func writeConnectError(w http.ResponseWriter, r *http.Request, err error) {
	if !isGRPC(r) {
		_ = connect.NewErrorWriter().Write(w, r, err)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(unreadTime))
	_, _ = io.CopyN(io.Discard, r.Body, unreadMessage)
	_ = connect.NewErrorWriter().Write(w, r, err)
	// net/http announces an answer without a body with Content-Length: 0. A proxy that passes it on over HTTP/1 then has no place for the trailers,
	// which hold gRPC's status: only a chunked body ends with trailers (RFC 9112, 7.1.2).
	_ = control.Flush()
}

// respondUnimplemented answers UNIMPLEMENTED to a call of a procedure that does not exist. A client would take NOT_FOUND for a missing
// resource.
func respondUnimplemented(w http.ResponseWriter, r *http.Request) {
	telemetry.Fail(r.Context(), fault.New(fault.NotFound, "There is no such procedure."))
	err := connect.NewError(connect.CodeUnimplemented, errors.New("There is no procedure "+r.URL.Path+" at this address."))
	writeConnectError(w, r, err)
}

// isGRPC reports whether the request is gRPC's or gRPC-Web's.
func isGRPC(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// isProcedure reports whether the request is for a procedure, /package.Service/Method, rather than a resource.
func isProcedure(r *http.Request) bool {
	return r.Method == http.MethodPost && procedurePath(r.URL.Path)
}

// procedurePath reports whether a path is a procedure's: /package.Service/Method.
func procedurePath(path string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return ok && method != "" && strings.Contains(service, ".")
}
