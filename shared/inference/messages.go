package inference

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// bounded gives a service messages without their compression, and takes memory for what they hold until it has answered: a message's length on the wire
// says nothing of the memory that it takes.
func (g *Gateway) bounded(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := loan{of: g.memory}
		defer held.end()
		r = r.WithContext(r.Context()) // a copy, whose header and body are ours to change
		r.Header = r.Header.Clone()
		r.Body = body{refusing{g.decompressed(r, &held)}, r.Body}
		service.ServeHTTP(w, r)
	})
}

// decompressed gives the request's body without compression, of messages of gRPC and of gRPC-Web or of one of Connect. A compression that is not known is
// left to the service to refuse.
func (g *Gateway) decompressed(r *http.Request, held *loan) io.Reader {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		coding := r.Header.Get("Grpc-Encoding")
		if _, err := openinference.Decompress(coding, nil); err != nil {
			return held.reader(r.Body)
		}
		r.Header.Del("Grpc-Encoding")
		return &messages{from: r.Body, coding: coding, limit: g.config.MaxBody, held: held}
	}
	content, err := openinference.Decompress(r.Header.Get("Content-Encoding"), r.Body)
	if err != nil {
		return held.reader(r.Body)
	}
	r.Header.Del("Content-Encoding")
	return held.reader(content)
}

// messages reads length-prefixed messages (gRPC over HTTP2, Length-Prefixed-Message) and gives them without compression.
type messages struct {
	from   io.Reader
	coding string
	limit  int64 // bytes of a message's content
	held   *loan
	rest   io.Reader // of the message that is read
}

const (
	prefixLength   = 5 // a byte of flags, and the message's length in four
	flagCompressed = 1
)

// Read implements io.Reader.
func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.rest == nil {
			if err := m.next(); err != nil {
				return 0, err
			}
		}
		n, err := m.rest.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		m.rest = nil
		if n > 0 {
			return n, nil
		}
	}
}

// next begins the next message.
func (m *messages) next() error {
	prefix := make([]byte, prefixLength)
	if _, err := io.ReadFull(m.from, prefix); err != nil {
		return err
	}
	message := io.LimitReader(m.from, int64(binary.BigEndian.Uint32(prefix[1:])))
	if prefix[0]&flagCompressed == 0 {
		m.rest = io.MultiReader(bytes.NewReader(prefix), m.held.reader(message))
		return nil
	}
	content, err := openinference.Decompress(m.coding, message)
	if err != nil {
		return err
	}
	whole, err := io.ReadAll(m.held.reader(io.LimitReader(content, m.limit+1)))
	if err != nil {
		return err
	}
	if int64(len(whole)) > m.limit {
		return tooLarge(m.limit)
	}
	prefix[0] &^= flagCompressed
	binary.BigEndian.PutUint32(prefix[1:], uint32(len(whole))) //nolint:gosec // the limit is far below 4 GiB
	m.rest = io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(whole))
	return nil
}

// refusing gives the reader's faults as connect's errors, which is what connect passes on of a body's.
type refusing struct{ io.Reader }

// Read implements io.Reader.
func (r refusing) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return n, connect.NewError(connect.Code(e.Kind.Code()), errors.New(e.Message))
	}
	return n, err
}
