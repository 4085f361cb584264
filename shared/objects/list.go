package objects

import (
	"context"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// List returns the objects whose keys begin with prefix, ordered by key. The sequence reads from the store as it goes, and ends after the first
// error.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return s.ListAfter(ctx, prefix, "")
}

// ListAfter is like List, but begins behind the key after; "" is before all keys.
func (s *Store) ListAfter(ctx context.Context, prefix string, after Key) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix}
		if after != "" {
			in.StartAfter = after.pointer()
		}
		pages := s3.NewListObjectsV2Paginator(s.client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, classify(ctx, "objects.List", err))
				return
			}
			for _, found := range page.Contents {
				object := Object{
					Key: Key(aws.ToString(found.Key)), Size: aws.ToInt64(found.Size),
					ETag: aws.ToString(found.ETag), Modified: aws.ToTime(found.LastModified),
				}
				if !yield(object, nil) {
					return
				}
			}
		}
	}
}

// Unfinished returns the unfinished multipart uploads under prefix, each with the time when it was begun. The sequence ends after the first error.
// MinIO returns them only if prefix is a whole key, and deletes uploads older than a day by itself.
func (s *Store) Unfinished(ctx context.Context, prefix string) iter.Seq2[Begun, error] {
	return func(yield func(Begun, error) bool) {
		pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Begun{}, classify(ctx, "objects.Unfinished", err))
				return
			}
			for _, found := range page.Uploads {
				m := Multipart{Key: Key(aws.ToString(found.Key)), ID: aws.ToString(found.UploadId)}
				if !yield(Begun{Multipart: m, At: aws.ToTime(found.Initiated)}, nil) {
					return
				}
			}
		}
	}
}

// Begun is a Multipart and when it was begun.
type Begun struct {
	Multipart
	At time.Time
}
