package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"

	"github.com/17882237881/MaaS/api/fault"
)

// Content is a representation of many bytes, which ServeContent answers with (RFC 9110, 8).
type Content struct {
	Size   int64  // bytes, 1 or more
	Tag    string // its strong entity tag, without the quotes
	Type   string // its media type
	Header func(http.Header)
	// Check fails if the bytes cannot be read.
	Check func(ctx context.Context) error
	// Read returns length bytes from offset on. The caller closes it.
	Read func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// ServeContent answers a GET or HEAD with the content, or with the ranges of it that are asked for. Preconditions and ranges are judged as RFC
// 9110, 13 and 14, says; If-Modified-Since and If-Unmodified-Since are ignored, since content has no date. It reads each range once, and fails
// with PreconditionFailed, Unsatisfiable, or what Check and Read fail with. Once the answer has begun it can only be cut.
func ServeContent(w http.ResponseWriter, r *http.Request, c Content) error {
	known, err := precondition(r, c.Tag)
	if err != nil {
		return err
	}
	if known {
		w.Header().Set("ETag", quoted(c.Tag))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if err := c.Check(r.Context()); err != nil {
		return err
	}
	ranges, err := rangesOf(r, c)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", c.Size)) // RFC 9110, 14.4
		return err
	}
	switch {
	case r.Method == http.MethodHead:
		c.begin(w, c.Type, c.Size, http.StatusOK)
		return nil
	case len(ranges) == 0:
		return c.serve(w, r, span{0, c.Size}, http.StatusOK)
	case len(ranges) == 1:
		return c.serve(w, r, ranges[0], http.StatusPartialContent)
	default:
		return c.serveParts(w, r, ranges)
	}
}

// begin writes the status and the header of an answer of length bytes.
func (c Content) begin(w http.ResponseWriter, mediaType string, length int64, status int) {
	h := w.Header()
	c.Header(h)
	h.Set("ETag", quoted(c.Tag))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
}

// firstRead is how much is read before the answer begins, so that what fails at once is answered with a problem.
const firstRead = 64 << 10

// open returns a reader of a range, of which it has read up to firstRead bytes, so that a failure there can still be answered with a problem.
// The caller calls end to close it.
func (c Content) open(ctx context.Context, s span) (from io.Reader, end func() error, err error) {
	body, err := c.Read(ctx, s.first, s.length)
	if err != nil {
		return nil, nil, err
	}
	first := make([]byte, min(s.length, firstRead))
	if _, err := io.ReadFull(body, first); err != nil {
		_ = body.Close() // only read from
		return nil, nil, err
	}
	return io.MultiReader(bytes.NewReader(first), body), body.Close, nil
}

// serve answers with one range, or with the whole content if that is the range.
func (c Content) serve(w http.ResponseWriter, r *http.Request, s span, status int) error {
	from, end, err := c.open(r.Context(), s)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // only read from
	if status == http.StatusPartialContent {
		w.Header().Set("Content-Range", s.contentRange(c.Size))
	}
	c.begin(w, c.Type, s.length, status)
	return pass(w, from)
}

// pass copies from to the client. It fails with the error of reading, with Timeout for a client that reads too slowly, and with Canceled for
// one that is gone.
func pass(w io.Writer, from io.Reader) error {
	reading := source{Reader: from}
	if _, err := io.Copy(w, &reading); err != nil {
		if reading.err != nil {
			return reading.err
		}
		if fault.Is(err, fault.Timeout) { // it reads too slowly
			return err
		}
		return fault.New(fault.Canceled, "The client is gone.", fault.Cause(err))
	}
	return nil
}

// source remembers why reading failed, which io.Copy does not tell from writing.
type source struct {
	io.Reader

	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF { // readers give io.EOF itself
		s.err = err
	}
	return n, err
}

// serveParts answers with several ranges, as multipart/byteranges (RFC 9110, 15.3.7.2). If a later range cannot be read, the answer has begun
// already.
func (c Content) serveParts(w http.ResponseWriter, r *http.Request, ranges []span) error {
	parts := multipart.NewWriter(w)
	from, end, err := c.open(r.Context(), ranges[0])
	if err != nil {
		return err
	}
	c.begin(w, "multipart/byteranges; boundary="+parts.Boundary(), c.lengthOf(ranges, parts.Boundary()), http.StatusPartialContent)
	for i, s := range ranges {
		if i > 0 {
			if from, end, err = c.open(r.Context(), s); err != nil {
				return err
			}
		}
		err := c.part(parts, s, from)
		_ = end() // only read from
		if err != nil {
			return err
		}
	}
	return gone(parts.Close())
}

// part writes one range as a part of the answer. It fails as pass does.
func (c Content) part(parts *multipart.Writer, s span, from io.Reader) error {
	to, err := parts.CreatePart(c.partHeader(s))
	if err != nil {
		return gone(err)
	}
	return pass(to, from)
}

// gone returns a Canceled error for an error of writing to the client, and nil for nil.
func gone(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Canceled, "The client is gone.", fault.Cause(err))
}

func (c Content) partHeader(s span) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Type": {c.Type}, "Content-Range": {s.contentRange(c.Size)}}
}

// lengthOf returns the bytes of an answer of several ranges, with the lines between the parts.
func (c Content) lengthOf(ranges []span, boundary string) int64 {
	var framing counter
	parts := multipart.NewWriter(&framing)
	_ = parts.SetBoundary(boundary) // it is another writer's
	var content int64
	for _, s := range ranges {
		_, _ = parts.CreatePart(c.partHeader(s)) // a counter takes all
		content += s.length
	}
	_ = parts.Close() // as above
	return int64(framing) + content
}

// counter counts what is written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// quoted returns an entity tag in quotes, as headers have it.
func quoted(tag string) string { return `"` + tag + `"` }
