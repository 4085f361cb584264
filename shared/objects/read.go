package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/17882237881/MaaS/api/fault"
)

// Range reads length bytes of an object from offset on, as they come. It fails with NotFound if there is no object, and with Invalid if it does not
// have all these bytes. The reader fails with Unavailable if the store stops sending before the end. The caller closes it.
func (s *Store) Range(ctx context.Context, key Key, offset, length int64) (io.ReadCloser, error) {
	const op = "objects.Range"
	if length < 1 || offset < 0 {
		return nil, fault.New(fault.Invalid, "a range has one byte or more", fault.Field("Range"), fault.Op(op))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	span := fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: key.pointer(), Range: &span})
	if err != nil {
		defer cancel(nil)
		return nil, classify(ctx, op, err)
	}
	body := s.watch(ctx, cancel, out.Body)
	if out.ContentLength == nil || *out.ContentLength != length {
		_ = body.Close() // nothing was read
		return nil, fault.New(fault.Invalid, "the range lies outside the object", fault.Field("Range"), fault.Op(op))
	}
	body.left = length
	return body, nil
}

// watch returns a reader of an answer's body that fails with Unavailable if a single Read takes longer than the stall timeout. Its Close ends the
// request by cancel.
func (s *Store) watch(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) *watched {
	timer := time.AfterFunc(s.stall, func() { cancel(errStalled) })
	timer.Stop()
	return &watched{
		body: body, stall: s.stall, timer: timer,
		classify: func(err error) error { return classify(ctx, "objects.Read", err) },
		end:      func() { cancel(nil) },
	}
}

type watched struct {
	body     io.ReadCloser
	left     int64 // bytes that must still come; 0 where the length is not known
	stall    time.Duration
	timer    *time.Timer
	classify func(error) error
	end      func()
}

// Read implements io.Reader. It fails with Unavailable if the body stalls or ends early.
func (w *watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.stall)
	n, err := w.body.Read(b)
	w.timer.Stop()
	w.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && w.left <= 0:
		return n, io.EOF
	default:
		return n, w.classify(err)
	}
}

// Close closes the body and ends the request.
func (w *watched) Close() error {
	w.timer.Stop()
	defer w.end()
	return w.body.Close()
}
