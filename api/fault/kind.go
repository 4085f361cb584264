package fault

import (
	"net/http"
	"slices"
)

// Kind classifies a failure by what the caller can do about it. Its text is the last part of a problem's type URI (RFC 9457).
type Kind string

// The kinds, each with one HTTP status (Status).
const (
	Invalid            Kind = "invalid"               // the request is malformed: mend it
	Unauthenticated    Kind = "unauthenticated"       // no credential, or one that is not or no longer good
	QuotaExceeded      Kind = "quota_exceeded"        // the plan's limit is reached
	Forbidden          Kind = "forbidden"             // the caller's roles do not allow it
	NotFound           Kind = "not_found"             // not there, or another tenant's
	Conflict           Kind = "conflict"              // it contradicts what is there
	Gone               Kind = "gone"                  // it was there and is retired
	PreconditionFailed Kind = "precondition_failed"   // If-Match names another state
	Unsatisfiable      Kind = "range_not_satisfiable" // no range that is asked for is there
	TooLarge           Kind = "too_large"             // more bytes than the limit
	Unprocessable      Kind = "unprocessable"         // well-formed, but its content is refused
	RateLimited        Kind = "rate_limited"          // too many at once or too fast: wait
	Internal           Kind = "internal"              // a defect of MaaS
	Upstream           Kind = "upstream"              // a model server answered with nonsense or failed
	Unavailable        Kind = "unavailable"           // something needed is away: try again
	Timeout            Kind = "timeout"               // the deadline passed
	Canceled           Kind = "canceled"              // the client went away; nobody reads the answer
)

// The codes of gRPC, as google.rpc.Code numbers and describes them.
const (
	cancelled          = 1
	unknown            = 2
	invalidArgument    = 3
	deadlineExceeded   = 4
	notFound           = 5
	alreadyExists      = 6
	permissionDenied   = 7
	resourceExhausted  = 8 // what gRPC's own limits on messages are answered with, too
	failedPrecondition = 9
	aborted            = 10
	outOfRange         = 11
	unimplemented      = 12
	internal           = 13
	unavailable        = 14
	dataLoss           = 15
	unauthenticated    = 16
)

// codes is a list of codes of gRPC.
type codes []uint32

// kinds is the one table between kinds, HTTP statuses and gRPC codes, in both directions. The codes tell a client of gRPC what it can do: after
// FAILED_PRECONDITION nothing, before something else has changed (Conflict); after ABORTED read again, and then change (PreconditionFailed); after UNAVAILABLE
// the same once more (Upstream).
var kinds = map[Kind]struct {
	status   int
	code     uint32
	from     codes // those that a client reads as the kind: where kinds share a code, one has it
	sentence string
}{
	Invalid:            {http.StatusBadRequest, invalidArgument, codes{invalidArgument}, "The request is malformed."},
	Unauthenticated:    {http.StatusUnauthorized, unauthenticated, codes{unauthenticated}, "A valid credential is needed."},
	QuotaExceeded:      {http.StatusPaymentRequired, resourceExhausted, nil, "The plan's limit is reached."},
	Forbidden:          {http.StatusForbidden, permissionDenied, codes{permissionDenied}, "Your roles do not allow this."},
	NotFound:           {http.StatusNotFound, notFound, codes{notFound}, "There is no such resource."},
	Conflict:           {http.StatusConflict, failedPrecondition, codes{failedPrecondition, alreadyExists}, "The request contradicts the resource's state."},
	Gone:               {http.StatusGone, notFound, nil, "The resource is retired."},
	PreconditionFailed: {http.StatusPreconditionFailed, aborted, codes{aborted}, "The resource has changed since you read it."},
	Unsatisfiable:      {http.StatusRequestedRangeNotSatisfiable, outOfRange, codes{outOfRange}, "No part of the resource is in the range."},
	TooLarge:           {http.StatusRequestEntityTooLarge, resourceExhausted, nil, "The request is too large."},
	Unprocessable:      {http.StatusUnprocessableEntity, invalidArgument, nil, "The content is refused."},
	RateLimited:        {http.StatusTooManyRequests, resourceExhausted, codes{resourceExhausted}, "Too many requests; wait and try again."},
	Internal:           {http.StatusInternalServerError, internal, codes{internal, unknown, unimplemented, dataLoss}, "Something went wrong on our side."},
	Upstream:           {http.StatusBadGateway, unavailable, nil, "The model server failed."},
	Unavailable:        {http.StatusServiceUnavailable, unavailable, codes{unavailable}, "A service that is needed is away; try again."},
	Timeout:            {http.StatusGatewayTimeout, deadlineExceeded, codes{deadlineExceeded}, "The deadline passed."},
	Canceled:           {499, cancelled, codes{cancelled}, "The client went away."}, // nginx's status for a client that closed the request
}

// Status returns the HTTP status that the kind is answered with; 500 for an unknown kind.
func (k Kind) Status() int {
	if known, ok := kinds[k]; ok {
		return known.status
	}
	return http.StatusInternalServerError
}

// KindHeader is the metadatum of gRPC's answers, and the header of Connect's, that names the exact kind, since several kinds share a code.
const KindHeader = "X-Maas-Kind"

// Code returns the gRPC status code that the kind is answered with, as a number, since this package knows no gRPC. It returns INTERNAL for an unknown kind.
func (k Kind) Code() uint32 {
	if known, ok := kinds[k]; ok {
		return known.code
	}
	return internal
}

// KindOfStatus returns the kind of an HTTP status, for clients; an unknown status is Internal from 500 on, and Invalid below.
func KindOfStatus(status int) Kind {
	for kind, known := range kinds {
		if known.status == status {
			return kind
		}
	}
	if status >= http.StatusInternalServerError {
		return Internal
	}
	return Invalid
}

// KindOfCode returns the kind of a gRPC status code, for clients. Of kinds that share a code it returns the most
// general: Invalid, NotFound, RateLimited or Unavailable. It returns Internal for an unknown code.
func KindOfCode(code uint32) Kind {
	for kind, known := range kinds {
		if slices.Contains(known.from, code) {
			return kind
		}
	}
	return Internal
}

// Retryable reports whether the same request may succeed later.
func (k Kind) Retryable() bool {
	return k == RateLimited || k == Unavailable || k == Timeout || k == Upstream
}

// Ours reports whether the failure is on the side of MaaS, and not the caller's.
func (k Kind) Ours() bool { return k.Status() >= http.StatusInternalServerError }

// sentence returns the message of an error of the kind that has none, "" for an unknown kind.
func (k Kind) sentence() string { return kinds[k].sentence }
