package objects

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Content is what an object should be: a file of a version.
type Content struct {
	Key    Key
	Path   ref.Path // what it is called in errors
	Size   int64    // bytes
	SHA256 ref.Digest
}

const opContent = "objects.Content"

// CheckContent checks that the object exists and has its size. If not, it fails with Unavailable, caused by a Damage.
func (s *Store) CheckContent(ctx context.Context, c Content) error {
	object, err := s.Head(ctx, c.Key)
	switch {
	case err != nil:
		return absent(opContent, err, c.Path, c.Size)
	case object.Size != c.Size:
		return damaged(opContent, string(c.Path), fmt.Sprintf("are %d and should be the %d that were published", object.Size, c.Size), nil)
	default:
		return nil
	}
}

// ReadContent reads length bytes of the object from offset on, as they come. It and the reader fail with Unavailable, caused by a Damage, where the
// object lacks bytes. If the whole object is read, its digest is checked before the last bytes are returned, so that damaged bytes never look
// complete. The caller closes the reader.
func (s *Store) ReadContent(ctx context.Context, c Content, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Range(ctx, c.Key, offset, length)
	if err != nil {
		return nil, absent(opContent, err, c.Path, c.Size)
	}
	if length < c.Size {
		return body, nil
	}
	return &verified{ReadCloser: body, content: c, sum: sha256.New(), left: c.Size}, nil
}

// verified is the body of a whole object.
type verified struct {
	io.ReadCloser

	content Content
	sum     hash.Hash
	left    int64
}

// Read implements io.Reader. It returns the last bytes only if all bytes have the digest; otherwise it fails with Unavailable, caused by a Damage.
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	_, _ = v.sum.Write(p[:n]) // never fails
	v.left -= int64(n)
	switch {
	case fault.Is(err, fault.NotFound):
		return n, absent(opContent, err, v.content.Path, v.content.Size)
	case n == 0 || v.left > 0:
		return n, err
	}
	if got := ref.DigestOf(v.sum.Sum(nil)); got != v.content.SHA256 {
		return 0, damaged(opContent, string(v.content.Path), hashes(got, v.content.SHA256), nil)
	}
	return n, err
}
