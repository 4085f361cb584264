package objects

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/17882237881/MaaS/api/fault"
)

// Complete makes the object from its parts, which must be in order and have their ETags. It may be called again, also concurrently or after a lost
// answer: if an object of these parts exists it returns that.
//
// It fails with Conflict if parts is empty, the store does not hold the parts, or another object has the key. It fails with Unavailable while the
// store shows neither the parts nor the object, as during an assembly that a lost call began.
func (s *Store) Complete(ctx context.Context, m Multipart, parts []Part) (Object, error) {
	const op = "objects.Complete"
	if len(parts) == 0 {
		return Object{}, fault.New(fault.Conflict, "the upload has no parts", fault.Op(op))
	}
	completed := make([]types.CompletedPart, len(parts))
	var size int64
	for i, p := range parts {
		completed[i] = types.CompletedPart{PartNumber: &parts[i].Number, ETag: &parts[i].ETag, ChecksumSHA256: aws.String(p.SHA256.Base64())}
		size += p.Size
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: m.Key.pointer(), UploadId: &m.ID,
		IfNoneMatch: aws.String("*"), MpuObjectSize: &size, ChecksumType: types.ChecksumTypeComposite,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	}, s.assemble)
	switch failed := classify(ctx, op, err); {
	case failed == nil, fault.Is(failed, fault.NotFound), fault.Is(failed, fault.PreconditionFailed):
		// Done, or done before. Both are believed only when the object is seen.
	default:
		return Object{}, failed
	}
	return s.seen(ctx, m.Key, size, compositeOf(parts))
}

// seen returns the key's object. It fails with Unavailable if the store does not show it yet, and with Conflict if its size or its checksum is
// another. The checksum is not compared where the store keeps none.
func (s *Store) seen(ctx context.Context, key Key, size int64, checksum string) (Object, error) {
	const op = "objects.Complete"
	object, err := s.Head(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		return Object{}, fault.New(fault.Unavailable, "the object is not assembled yet; try again",
			fault.Op(op), fault.Cause(err), fault.RetryAfter(5*time.Second))
	case err != nil:
		return Object{}, err
	case object.Size != size, object.checksum != "" && object.checksum != checksum:
		return Object{}, fault.New(fault.Conflict,
			fmt.Sprintf("another object of %d bytes has the place of this one of %d", object.Size, size), fault.Op(op))
	}
	return object, nil
}

// compositeOf returns the checksum that S3 gives an object of these parts: the SHA-256 of the parts' SHA-256s, a hyphen, and the number of parts
// (S3 user guide, composite checksums).
func compositeOf(parts []Part) string {
	sums := sha256.New()
	for _, p := range parts {
		sums.Write(p.SHA256.Bytes())
	}
	return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(sums.Sum(nil)), len(parts))
}

// Abort deletes the parts of an unfinished upload. It fails with Conflict if the key's object exists, since some stores would delete that, too. An
// upload that the store does not know is no error.
func (s *Store) Abort(ctx context.Context, m Multipart) error {
	const op = "objects.Abort"
	switch _, err := s.Head(ctx, m.Key); {
	case err == nil:
		return fault.New(fault.Conflict, "the upload is complete", fault.Op(op))
	case !fault.Is(err, fault.NotFound):
		return err
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: m.Key.pointer(), UploadId: &m.ID})
	if failed := classify(ctx, op, err); !fault.Is(failed, fault.NotFound) {
		return failed
	}
	return nil
}
