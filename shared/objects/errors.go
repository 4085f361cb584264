package objects

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/17882237881/MaaS/api/fault"
)

// errStalled is why a body that stopped moving was cut.
var errStalled = errors.New("the object store sent no byte for too long")

// classify returns the fault for an error of the SDK, nil for nil. The kind follows from the store's error code; any other failure is Unavailable.
// If ctx has ended, the kind follows from why it ended.
func classify(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ended := context.Cause(ctx); ended != nil && !errors.Is(ended, errStalled) {
		return fault.New(fault.KindOf(ended), "the object store was not waited for", fault.Op(op), fault.Cause(err))
	}
	switch code(err) {
	case "NoSuchKey", "NotFound":
		return fault.New(fault.NotFound, "there is no such object", fault.Op(op), fault.Cause(err))
	case "NoSuchUpload":
		return fault.New(fault.NotFound, "the store knows no such upload", fault.Op(op), fault.Cause(err))
	case "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return fault.New(fault.Unprocessable, "the bytes do not have the digest that was given", fault.Field("sha256"), fault.Op(op), fault.Cause(err))
	case "EntityTooSmall", "EntityTooLarge", "InvalidPart", "InvalidPartOrder":
		return fault.New(fault.Conflict, "the store does not hold these parts", fault.Op(op), fault.Cause(err))
	case "PreconditionFailed", "ConditionalRequestConflict":
		return fault.New(fault.PreconditionFailed, "the object is there already", fault.Op(op), fault.Cause(err))
	case "InvalidRange":
		return fault.New(fault.Invalid, "the range lies outside the object", fault.Field("Range"), fault.Op(op), fault.Cause(err))
	case "InsufficientStorage", "XMinioStorageFull": // versitygw's name and MinIO's
		return fault.New(fault.Unavailable, "the object store is full; try again when there is space", fault.Op(op), fault.Cause(err))
	case "MalformedXML", "InvalidArgument", "InvalidRequest", "NotImplemented", "MethodNotAllowed": // to try again would not help
		return fault.New(fault.Internal, "the object store does not take this request", fault.Op(op), fault.Cause(err))
	}
	return away(op, err)
}

// away returns the Unavailable fault of a store that is unreachable, does not answer, or refuses the credentials, which may be changing. It
// explains a certificate of an unknown authority.
func away(op string, err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		err = fmt.Errorf("its certificate is of an unknown authority: set S3_CA_FILE to that authority's certificate: %w", err)
	}
	return fault.New(fault.Unavailable, "the object store is away; try again", fault.Op(op), fault.Cause(err))
}

// code returns the store's error code (S3 API reference, error responses), or "" if err has none.
func code(err error) string {
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		return said.ErrorCode()
	}
	return ""
}

// saidNotFound reports whether the store answered 404. After a HEAD request this does not tell whether the object or the bucket is missing.
func saidNotFound(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() == http.StatusNotFound
}
