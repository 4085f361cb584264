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

// Complete makes the object of its parts, which must be in order and have their ETags. It may be called again, also at the same time and
// after an answer was lost: an object that is there and is made of these parts is the success that was asked for.
//
// It fails with Conflict if there are no parts, the store does not hold them or another object has the key, and with Unavailable while neither parts nor
// object are to be seen: an assembly that was begun by a lost call looks like that until it ends.
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

// seen checks that the object is there, with its size and, where the store keeps one, its checksum.
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

// compositeOf returns the checksum of an object of parts: the SHA-256 of their SHA-256s, and their number (S3 user guide, composite checksums).
func compositeOf(parts []Part) string {
	sums := sha256.New()
	for _, p := range parts {
		sums.Write(p.SHA256.Bytes())
	}
	return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(sums.Sum(nil)), len(parts))
}

// Abort drops the parts. It fails with Conflict if the object is there: a Complete whose answer was lost has made it of them, and some stores
// delete it then. What the store does not know is gone already.
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
