package objects

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Head returns an object's size and attributes without its content. It fails with NotFound if the bucket exists and the object does not, and with
// Unavailable if the bucket does not exist.
func (s *Store) Head(ctx context.Context, key Key) (Object, error) {
	const op = "objects.Head"
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: key.pointer(), ChecksumMode: types.ChecksumModeEnabled})
	if saidNotFound(err) {
		if missing := s.Ready(ctx); missing != nil {
			return Object{}, missing
		}
		return Object{}, fault.New(fault.NotFound, "there is no such object", fault.Op(op), fault.Cause(err))
	}
	if err != nil {
		return Object{}, classify(ctx, op, err)
	}
	return Object{
		Key: key, Size: aws.ToInt64(out.ContentLength), ETag: aws.ToString(out.ETag), Modified: aws.ToTime(out.LastModified),
		checksum: aws.ToString(out.ChecksumSHA256),
	}, nil
}

// Put writes a small object whole, and never overwrites. If the object exists with the same content this is no error; with other content it fails
// with Conflict.
func (s *Store) Put(ctx context.Context, key Key, content []byte) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: key.pointer(), Body: bytes.NewReader(content), ContentLength: aws.Int64(int64(len(content))),
		ChecksumSHA256: aws.String(ref.SumOf(content).Base64()), IfNoneMatch: aws.String("*"),
	})
	failed := classify(ctx, "objects.Put", err)
	if !fault.Is(failed, fault.PreconditionFailed) {
		return failed
	}
	return s.holds(ctx, key, content)
}

// PutManifest writes a manifest under the key of its digest. Unlike Put it overwrites other bytes there, since they can only be damaged.
func (s *Store) PutManifest(ctx context.Context, tenant uuid.UUID, m Manifest) error {
	content := m.Encode()
	digest := ref.SumOf(content)
	key := ManifestKey(tenant, digest)
	err := s.Put(ctx, key, content)
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: key.pointer(), Body: bytes.NewReader(content), ContentLength: aws.Int64(int64(len(content))),
		ChecksumSHA256: aws.String(digest.Base64()),
	})
	return classify(ctx, "objects.PutManifest", err)
}

// holds checks that the key's object has the content. It fails with Conflict if it has another one, and with Unavailable if there is no object.
func (s *Store) holds(ctx context.Context, key Key, content []byte) error {
	there, err := s.Get(ctx, key, int64(len(content)))
	switch {
	case fault.Is(err, fault.NotFound): // another Put is under way, or was when the store refused ours
		return away("objects.Put", err)
	case err != nil && !fault.Is(err, fault.TooLarge):
		return err
	}
	if !bytes.Equal(there, content) {
		return fault.New(fault.Conflict, "another object has this key", fault.Op("objects.Put"))
	}
	return nil
}

// Get reads a small object whole. It fails with NotFound if there is none, and with TooLarge if it has more than limit bytes.
func (s *Store) Get(ctx context.Context, key Key, limit int64) ([]byte, error) {
	const op = "objects.Get"
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: key.pointer()})
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	body := s.watch(ctx, cancel, out.Body)
	defer func() { _ = body.Close() }() // only read from
	if aws.ToInt64(out.ContentLength) > limit {
		return nil, fault.New(fault.TooLarge, "the object is larger than it may be", fault.Op(op))
	}
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fault.New(fault.TooLarge, "the object is larger than it may be", fault.Op(op))
	}
	return content, nil
}

// Delete deletes an object. An object that does not exist is no error.
func (s *Store) Delete(ctx context.Context, key Key) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: key.pointer()})
	if failed := classify(ctx, "objects.Delete", err); !fault.Is(failed, fault.NotFound) {
		return failed
	}
	return nil
}
