package decoding

import (
	"compress/gzip"
	"errors"
	"io"

	"connectrpc.com/connect"
)

// WithReadMaxBytes is connect.WithReadMaxBytes that also stops expanding a compressed message at most bytes. Connect itself expands a longer one to
// its end, only to name its length in the refusal.
func WithReadMaxBytes(most int) connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithReadMaxBytes(most),
		connect.WithCompression("gzip",
			func() connect.Decompressor { return &bounded{most: most} },
			func() connect.Compressor { return gzip.NewWriter(io.Discard) }),
	)
}

// bounded expands a message to a byte more than the most that it may have, by which Connect sees that it is too long.
type bounded struct {
	gzip.Reader

	most, left int
}

var errTooLong = errors.New("it is not expanded further")

// Reset implements connect.Decompressor.
func (b *bounded) Reset(from io.Reader) error {
	b.left = b.most + 1
	return b.Reader.Reset(from)
}

// Read implements io.Reader. It fails with errTooLong after most bytes and one more.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
