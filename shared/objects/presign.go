package objects

import (
	"context"
	"mime"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/17882237881/MaaS/api/fault"
)

// Signed is a request that a client may send to the store itself until Expires.
type Signed struct {
	Method  string
	URL     string
	Header  http.Header // to be sent as they are: they are signed
	Expires time.Time
}

// Public reports whether clients can reach the store. If not, PresignGet and PresignPart fail.
func (s *Store) Public() bool { return s.public != nil }

// PresignGet returns a signed request to download an object, valid for the duration good. The client will save it as filename. It fails with
// Unprocessable if clients cannot reach the store.
func (s *Store) PresignGet(ctx context.Context, key Key, filename string, good time.Duration) (Signed, error) {
	if !s.Public() {
		return Signed{}, notPublic("objects.PresignGet")
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": filename})
	request, err := s.public.PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: &s.bucket, Key: key.pointer(), ResponseContentDisposition: &disposition}, s3.WithPresignExpires(good))
	if err != nil {
		return Signed{}, classify(ctx, "objects.PresignGet", err)
	}
	return signed(request, good), nil
}

// PresignPart returns a signed request to upload a part, valid for the duration good. The store accepts only bytes of the part's size and digest.
// It fails with Unprocessable if clients cannot reach the store.
func (s *Store) PresignPart(ctx context.Context, m Multipart, p Part, good time.Duration) (Signed, error) {
	if !s.Public() {
		return Signed{}, notPublic("objects.PresignPart")
	}
	request, err := s.public.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: m.Key.pointer(), UploadId: &m.ID, PartNumber: &p.Number,
		ContentLength: &p.Size, ChecksumSHA256: aws.String(p.SHA256.Base64()),
	}, s3.WithPresignExpires(good))
	if err != nil {
		return Signed{}, classify(ctx, "objects.PresignPart", err)
	}
	return signed(request, good), nil
}

// signed converts the SDK's presigned request. It expires after the duration good, from now on.
func signed(request *v4.PresignedHTTPRequest, good time.Duration) Signed {
	return Signed{Method: request.Method, URL: request.URL, Header: request.SignedHeader, Expires: time.Now().Add(good).UTC()}
}

// notPublic returns the Unprocessable fault of a store that clients cannot reach.
func notPublic(op string) error {
	return fault.New(fault.Unprocessable, "the object store of this installation cannot be reached by clients: send the bytes through MaaS", fault.Op(op))
}
