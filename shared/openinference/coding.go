package openinference

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// contentEncoding is the header that names a body's compression.
const contentEncoding = "Content-Encoding"

// Decompress returns the content of a body in the coding gzip or deflate, which is zlib's format (RFC 9110, 8.4.1); "" and identity are none. It fails, as do
// reads, with Invalid for another coding and for a body that is not in its coding. How far a body expands is for the reader to bound.
func Decompress(coding string, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return &inflated{coding: "gzip", open: func() (io.Reader, error) { return gzip.NewReader(body) }}, nil
	case "deflate":
		return &inflated{coding: "deflate", open: func() (io.Reader, error) { return zlib.NewReader(body) }}, nil
	default:
		return nil, fault.New(fault.Invalid, "The body's compression "+quoted(coding)+" is not supported: send gzip, deflate or no compression.",
			fault.Field(contentEncoding))
	}
}

// inflated reads the coding's header with the first read, so that no time but the reader's is spent on it.
type inflated struct {
	coding  string
	open    func() (io.Reader, error)
	content io.Reader
}

// Read implements io.Reader. It fails with Invalid if the body is not in its coding.
func (i *inflated) Read(p []byte) (n int, err error) {
	if i.content == nil {
		if i.content, err = i.open(); err != nil {
			i.content = nil
			return 0, i.explain(err)
		}
	}
	n, err = i.content.Read(p)
	return n, i.explain(err)
}

// explain returns the error of reading as Invalid if the body is malformed or too short for its coding, and any other error, io.EOF and nil as
// they are.
func (i *inflated) explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil || i.content != nil && err == io.EOF: //nolint:errorlint // io.EOF itself ends a reader
		return err
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrHeader),
		errors.Is(err, zlib.ErrChecksum), errors.Is(err, zlib.ErrDictionary), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "The body is not a whole "+i.coding+" stream, as its Content-Encoding says.", fault.Field(contentEncoding), fault.Cause(err))
	default:
		return err
	}
}
