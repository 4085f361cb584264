// Package objects keeps bytes in one bucket of an S3-compatible store: the parts of an upload, whole objects, presigned addresses, and the
// verified fetch of a version's files.
//
// Keys are written once. Bytes travel between the caller and the store as they come: memory does not grow with a part or an object.
// Errors are faults: Unavailable for a store that is away, hangs or is full; NotFound only when the store said so itself.
package objects

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Store is one bucket. It is safe for concurrent use.
type Store struct {
	bucket   string
	profile  Profile
	stall    time.Duration
	client   *s3.Client
	commit   s3Option          // for parts, whose answers wait for a disk
	assemble s3Option          // for Complete, whose answer may take minutes
	public   *s3.PresignClient // nil where clients cannot reach the store
	idle     []*http.Transport
}

type s3Option = func(*s3.Options)

// Bucket returns the bucket's name.
func (s *Store) Bucket() string { return s.bucket }

// Profile returns what the store demands of parts.
func (s *Store) Profile() Profile { return s.profile }

// Object is what the store says of an object.
type Object struct {
	Key      Key
	Size     int64 // bytes
	ETag     string
	Modified time.Time
	checksum string // of the kind that Complete compares; "" where the store keeps none
}

// Ready fails if the bucket cannot be used: with Unavailable if the store does not answer or the bucket does not exist.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if saidNotFound(err) {
		return away("objects.Ready", err) // a missing bucket is an outage, not a missing object
	}
	return classify(ctx, "objects.Ready", err)
}

// EnsureBucket creates the bucket if it does not exist.
func (s *Store) EnsureBucket(ctx context.Context) error {
	if _, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket}); err == nil {
		return nil
	}
	in := &s3.CreateBucketInput{Bucket: &s.bucket}
	// us-east-1 is the one region that must not be named (S3 API reference, CreateBucket).
	if region := s.client.Options().Region; region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	_, err := s.client.CreateBucket(ctx, in)
	if code(err) == "BucketAlreadyOwnedByYou" {
		return nil // another process was faster
	}
	return classify(ctx, "objects.EnsureBucket", err)
}

// Close closes the idle connections. It never fails.
func (s *Store) Close(context.Context) error {
	for _, transport := range s.idle {
		transport.CloseIdleConnections()
	}
	return nil
}

// pointer returns the key as the SDK takes it.
func (k Key) pointer() *string { return aws.String(string(k)) }
