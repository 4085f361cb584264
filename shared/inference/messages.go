package inference

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

const (
	// maxMessage bounds the messages of all procedures but ModelInfer, in bytes.
	maxMessage = 64 << 10

	prefixLength   = 5 // of a message of gRPC: a byte of flags, and the message's length in four
	flagCompressed = 1
)

// deferred returns the service with ModelInfer changed: the procedure gets an empty message, and reads the real one by itself after it has found
// the model. Connect would decompress and decode the message before, when its memory is not yet charged.
func deferred(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := &message{
			w: w, body: r.Body, length: r.ContentLength, json: strings.Contains(r.Header.Get("Content-Type"), "json"),
			enveloped: strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"),
		}
		coding := "Content-Encoding"
		if m.enveloped {
			coding = "Grpc-Encoding"
		}
		m.coding = r.Header.Get(coding)
		_, err := openinference.Decompress(m.coding, nil)
		if err != nil || r.URL.Path != inferenceconnect.GRPCInferenceServiceModelInferProcedure {
			service.ServeHTTP(w, r) // which refuses a compression that it does not know
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), messageKey{}, m)) // a copy, whose header and body are ours to change
		r.Header = r.Header.Clone()
		r.Header.Del(coding)
		defer m.end()
		empty := m.empty()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(empty)), int64(len(empty))
		service.ServeHTTP(messageWriter{w, m}, r)
	})
}

type messageKey struct{}

// message is a request's message that has not been read.
type message struct {
	w         http.ResponseWriter
	body      io.Reader
	length    int64 // of the body, -1 if it is not known
	coding    string
	json      bool
	enveloped bool // a message of gRPC, which has a prefix, and not the whole body

	work    *decoding.Work // of the call; nil until it begins
	content io.Reader      // without compression; at its head there is what names has looked at
	later   []func()       // for when the answer has been written
}

// end calls the functions in later: it releases what the answer was written from.
func (m *message) end() {
	for _, f := range m.later {
		f()
	}
}

// empty returns the encoding of an empty message in the request's format.
func (m *message) empty() []byte {
	switch {
	case m.enveloped:
		return make([]byte, prefixLength)
	case m.json:
		return []byte("{}")
	default:
		return nil
	}
}

// messageWriter writes the answer to a message. The call's slot is given back when the answer has been encoded: a slow client holds none.
type messageWriter struct {
	http.ResponseWriter

	m *message
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (w messageWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer. It releases the call's decoding slot first, so that a slow client holds none.
func (w messageWriter) Write(p []byte) (int, error) {
	if w.m.work != nil {
		w.m.work.End()
	}
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w messageWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() } // as for a writer without it

// open prepares the reading of the message's content; for gRPC it reads the prefix. It fails with TooLarge if the message announces more than limit
// bytes, with Invalid for an incomplete prefix or an unknown compression, and with the body's error.
func (m *message) open(ctx context.Context, c *call, limit int64) error {
	from, coding := m.body, m.coding
	if m.enveloped {
		var prefix [prefixLength]byte
		if _, err := io.ReadFull(m.body, prefix[:]); err != nil {
			return incomplete(err)
		}
		m.length = int64(binary.BigEndian.Uint32(prefix[1:]))
		from = io.LimitReader(m.body, m.length)
		if prefix[0]&flagCompressed == 0 {
			coding = ""
		} else if coding == "" {
			return fault.New(fault.Invalid, "The message is compressed, and grpc-encoding does not say how.", fault.Field("grpc-encoding"))
		}
	}
	if m.length > limit {
		return tooLarge(limit)
	}
	content, err := c.decompress(ctx, coding, from)
	m.content = content
	if coding != "" && coding != "identity" {
		m.length = -1 // the content's is not known
	}
	return err
}

// incomplete returns the Invalid fault of a message that ends too early, for io.EOF and io.ErrUnexpectedEOF. It returns other errors, faults and nil as
// they are.
func incomplete(err error) error {
	if !errors.As(err, new(*fault.Error)) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return fault.New(fault.Invalid, "The message is not complete.", fault.Cause(err))
	}
	return err
}

// namesLength is how much of a message is looked at for the names of the model and its version.
const namesLength = 1 << 10

// names returns the names of the model and the version from the first KiB of the message, without consuming it. ok is false if there is no model's
// name, which is no error; in JSON it is never looked for.
func (m *message) names() (named modelNames, ok bool) {
	if m.json {
		return named, false
	}
	ahead := bufio.NewReaderSize(m.content, namesLength)
	m.content = ahead
	head, _ := ahead.Peek(namesLength) // a failure comes again when the message is read
	for len(head) > 0 {
		number, kind, n := protowire.ConsumeTag(head)
		if n < 0 || kind != protowire.BytesType || number > 2 {
			break
		}
		value, size := protowire.ConsumeString(head[n:])
		if size < 0 {
			return modelNames{}, false
		}
		head = head[n+size:]
		if number == 1 {
			named.model = value
		} else {
			named.version = value
		}
	}
	return named, named.model != ""
}

// read reads and decodes the message, of at most limit bytes, and charges the memory for it to the call's loan. typed reports whether there are inputs
// and none has raw contents. A large message is decoded in a slot, which the caller releases. It fails with Invalid if the message is malformed or
// incomplete, and as loan.readInTime, loan.take and Work.Begin do.
func (m *message) read(ctx context.Context, limit int64, c *call) (request *openinference.Request, named modelNames, typed bool, err error) {
	held := &c.memory
	content, err := held.readInTime(ctx, m.w, m.content, m.length, limit)
	if err != nil {
		return nil, named, false, incomplete(err)
	}
	c.work.End()
	if err := m.last(); err != nil {
		return nil, named, false, err
	}
	if err := c.work.Begin(ctx, int64(len(content))); err != nil {
		return nil, named, false, err
	}
	decoded, cost, err := m.decode(content, held)
	if err != nil {
		return nil, named, false, err
	}
	size, typed := openinference.TypedSize(decoded)
	if m.json || typed && len(decoded.GetRawInputContents()) == 0 { // nothing is a slice of the content
		held.give(int64(cap(content)))
	}
	if err := held.take(size); err != nil {
		return nil, named, false, err
	}
	request, err = openinference.RequestFromProto(decoded)
	held.give(cost.Elements)
	named = modelNames{decoded.GetModelName(), decoded.GetModelVersion()}
	return request, named, len(decoded.GetInputs()) > 0 && len(decoded.GetRawInputContents()) == 0, err
}

// modelNames are the model's and its version's as the message has them.
type modelNames struct{ model, version string }

// last fails with Invalid if anything follows a gRPC message, and with the body's error. For other messages it does nothing.
func (m *message) last() error {
	if !m.enveloped {
		return nil
	}
	var more [1]byte
	switch n, err := io.ReadFull(m.body, more[:]); {
	case n > 0:
		return fault.New(fault.Invalid, "The call has more than one message.")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// decode decodes the content, and takes the memory for it from held first. It returns the message and what was taken. It fails with Invalid if the
// content is malformed, and as loan.take does.
func (m *message) decode(content []byte, held *loan) (*pb.ModelInferRequest, openinference.Cost, error) {
	if m.json {
		cost := openinference.ProtoJSONCost(content)
		if err := held.take(cost.Total()); err != nil {
			return nil, cost, err
		}
		out := &pb.ModelInferRequest{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(content, out); err != nil {
			return nil, cost, fault.New(fault.Invalid, "The message is no ModelInferRequest.", fault.Cause(err))
		}
		return out, cost, nil
	}
	cost, err := openinference.ProtoCost(content, math.MaxInt32)
	if err != nil {
		return nil, cost, err
	}
	if err := held.take(cost.Total()); err != nil {
		return nil, cost, err
	}
	out, err := openinference.DecodeProto(content)
	return out, cost, err
}
