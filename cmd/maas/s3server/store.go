package s3server

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// store is versitygw's store with its writes made durable and its multipart uploads made safe against each other.
type store struct {
	*posix.Posix
	place   trees
	disk    disk
	locks   uploadLocks
	readers []Credentials
}

// uploadLocks keep an upload's parts and its end apart. Uploads may share a lock: one then waits for the other's Complete.
type uploadLocks struct {
	once    sync.Once
	seed    maphash.Seed
	stripes [256]sync.RWMutex
}

// of returns the lock of an upload by its id; nil stands for "". Several uploads may have the same lock.
func (u *uploadLocks) of(upload *string) *sync.RWMutex {
	u.once.Do(func() { u.seed = maphash.MakeSeed() })
	var id string
	if upload != nil {
		id = *upload
	}
	return &u.stripes[maphash.String(u.seed, id)%uint64(len(u.stripes))]
}

// CreateMultipartUpload creates an upload, and returns once the upload's folder is on the disk.
func (s *store) CreateMultipartUpload(
	ctx context.Context, in s3response.CreateMultipartUploadInput,
) (s3response.InitiateMultipartUploadResult, error) {
	out, err := s.Posix.CreateMultipartUpload(ctx, in)
	if err != nil {
		return out, full(err)
	}
	return out, s.disk.chain(s.place.objects, filepath.Join(s.place.objects, out.Bucket, uploads(out.Key), out.UploadId))
}

// UploadPart stores a part, and returns once it is on the disk. Bytes of several parts are taken in at once; only the link that makes a part
// visible waits for a Complete or Abort of the upload. If the upload has ended by then, it fails with NoSuchUpload.
func (s *store) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	lock := s.locks.of(in.UploadId)
	held := false
	defer func() {
		if held {
			lock.RUnlock()
		}
	}()
	var refused error // versitygw would wrap it, and then answer 500
	out, err := s.Posix.UploadPartWithPostFunc(ctx, in, func(part *os.File) error {
		if err := s.disk.file(part); err != nil {
			refused = err
			return err
		}
		lock.RLock()
		held = true
		if _, err := os.Lstat(s.upload(*in.Bucket, *in.Key, *in.UploadId)); errors.Is(err, fs.ErrNotExist) {
			refused = s3err.GetNoSuchUploadErr(*in.UploadId)
		}
		return refused
	})
	if refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, full(err)
	}
	return out, s.disk.chain(s.place.objects, s.upload(*in.Bucket, *in.Key, *in.UploadId))
}

// AbortMultipartUpload removes an upload, after it has waited for parts that are being linked.
func (s *store) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	lock := s.locks.of(in.UploadId)
	lock.Lock()
	defer lock.Unlock()
	return s.Posix.AbortMultipartUpload(ctx, in)
}

// CompleteMultipartUpload makes an object of an upload's parts, and returns once the object is on the disk under its name. Then it removes the
// parts and their attributes. It waits for parts that are being linked.
func (s *store) CompleteMultipartUpload(
	ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	lock := s.locks.of(in.UploadId)
	lock.Lock()
	defer lock.Unlock()

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out, version, err := s.Posix.CompleteMultipartUploadWithCopy(ctx, in, s.assemble(in, stop))
	if failed := context.Cause(ctx); err != nil && failed != nil {
		return s3response.CompleteMultipartUploadResult{}, "", failed
	}
	if err != nil {
		return s3response.CompleteMultipartUploadResult{}, "", full(err)
	}
	return out, version, s.settle(*in.Bucket, *in.Key, *in.UploadId)
}

// assemble returns the function by which versitygw copies one part after the other into the object. It flushes the object after the last part.
// If it fails it also calls stop: versitygw goes on after an error, but not after the end of the context.
func (s *store) assemble(in *s3.CompleteMultipartUploadInput, stop context.CancelCauseFunc) posix.CustomCopyFunc {
	left := 0
	if in.MultipartUpload != nil {
		left = len(in.MultipartUpload.Parts)
	}
	return func(part, object *os.File) (bool, error) {
		const again = true // a failed Complete may be tried again
		if _, err := io.Copy(object, part); err != nil {
			stop(full(fmt.Errorf("assemble: %w", err)))
			return again, err
		}
		left--
		if left > 0 {
			return again, nil
		}
		err := s.disk.file(object)
		if err != nil {
			stop(err)
		}
		return again, err
	}
}

// settle flushes the object's name to the disk and deletes what is left of the upload. It fails with SlowDown if
// another call is still completing the object.
func (s *store) settle(bucket, key, upload string) error {
	object := filepath.Join(s.place.objects, bucket, key)
	if _, err := os.Lstat(object); err != nil {
		return s3err.GetAPIError(s3err.ErrSlowDown) // another call's Complete: versitygw answers 200 before the object is there
	}
	if err := s.disk.chain(s.place.objects, filepath.Dir(object)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(s.place.metadata, bucket, uploads(key), upload))
}

// PutObject stores an object, and returns once it is on the disk.
func (s *store) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := s.Posix.PutObjectWithPostFunc(ctx, in, s.disk.file)
	if err != nil {
		return out, full(err)
	}
	return out, s.disk.chain(s.place.objects, filepath.Dir(filepath.Join(s.place.objects, *in.Bucket, *in.Key)))
}

// upload returns the folder of an upload's parts in the object tree.
func (s *store) upload(bucket, key, id string) string {
	return filepath.Join(s.place.objects, bucket, uploads(key), id)
}
