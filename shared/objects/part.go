package objects

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Multipart names an unfinished object: the parts that the store keeps under a key until Complete or Abort.
type Multipart struct {
	Key Key
	ID  string // the store's
}

// Part is one part of a Multipart. Numbers begin at 1 (S3); chunk n of an upload is part n+1.
type Part struct {
	Number int32
	Size   int64 // bytes
	SHA256 ref.Digest
	ETag   string // the store's; set by PutPart and ListParts
}

// CreateMultipart begins a multipart upload whose parts the store checks by SHA-256.
func (s *Store) CreateMultipart(ctx context.Context, key Key) (Multipart, error) {
	out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.bucket, Key: key.pointer(),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeComposite,
	})
	if err != nil {
		return Multipart{}, classify(ctx, "objects.CreateMultipart", err)
	}
	return Multipart{Key: key, ID: aws.ToString(out.UploadId)}, nil
}

// PutPart sends a part of p.Size bytes from body, once, and returns p with its ETag.
//
// The store refuses bytes that do not have the digest p.SHA256 and keeps none of them (Unprocessable). A body that ends early is Invalid. If
// reading body fails, so does PutPart: with the body's own fault, TooLarge, Timeout, or else Canceled. After an error one Read of body may still be
// running.
func (s *Store) PutPart(ctx context.Context, m Multipart, p Part, body io.Reader) (Part, error) {
	const op = "objects.PutPart"
	if p.Number < 1 || int(p.Number) > s.profile.MaxParts {
		return p, fault.New(fault.Invalid, fmt.Sprintf("a part has a number from 1 to %d; this is %d", s.profile.MaxParts, p.Number), fault.Op(op))
	}
	sending, sent := context.WithCancel(ctx)
	defer sent()
	content := newSource(sending, body, p.Size)
	out, err := s.client.UploadPart(sending, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: m.Key.pointer(), UploadId: &m.ID, PartNumber: &p.Number,
		Body: content, ContentLength: &p.Size, ChecksumSHA256: aws.String(p.SHA256.Base64()),
	}, onceStreaming, s.commit)
	if err != nil {
		return p, content.explain(ctx, op, err)
	}
	// A store that ignored the digest would have kept anything.
	if aws.ToString(out.ChecksumSHA256) != p.SHA256.Base64() {
		return p, fault.New(fault.Upstream, "the object store did not confirm the digest of the bytes", fault.Op(op))
	}
	p.ETag = aws.ToString(out.ETag)
	return p, nil
}

// onceStreaming has the SDK send a body without retries, and without hashing it before. The digest is in a signed header.
func onceStreaming(o *s3.Options) {
	o.RetryMaxAttempts = 1
	o.Retryer = aws.NopRetryer{}
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// ListParts returns all parts that the store holds, ordered by number. It fails with NotFound if the store does not know the upload, and with
// Upstream if a part has a checksum other than SHA-256.
func (s *Store) ListParts(ctx context.Context, m Multipart) ([]Part, error) {
	const op = "objects.ListParts"
	var parts []Part
	pages := s3.NewListPartsPaginator(s.client, &s3.ListPartsInput{Bucket: &s.bucket, Key: m.Key.pointer(), UploadId: &m.ID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(ctx, op, err)
		}
		for _, part := range page.Parts {
			digest, err := digestOf(part.ChecksumSHA256)
			if err != nil {
				return nil, fault.New(fault.Upstream, "the object store gave a part a digest of another kind", fault.Op(op), fault.Cause(err))
			}
			parts = append(parts, Part{
				Number: aws.ToInt32(part.PartNumber), Size: aws.ToInt64(part.Size), SHA256: digest, ETag: aws.ToString(part.ETag),
			})
		}
	}
	return parts, nil
}
