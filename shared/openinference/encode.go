package openinference

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
)

// AppendRequest appends the body of an inference request to dst. header is the length of its JSON, to be sent as HeaderLength; it is 0 if no
// input is Binary and the body is plain JSON. It fails with Invalid for a parameter, and with Unprocessable for an input that is not Binary,
// if JSON cannot have it.
func AppendRequest(dst []byte, r *Request) (body []byte, header int, err error) {
	w := writer{body: dst, start: len(dst)}
	w.request(r)
	return w.finish(r.Inputs)
}

// RequestParts returns the body of an inference request in parts that follow each other: its JSON, and then the data of the Binary inputs,
// which is not copied. header and the errors are as AppendRequest's.
func RequestParts(r *Request) (parts [][]byte, header int, err error) {
	w := writer{}
	w.request(r)
	parts = [][]byte{w.body}
	for i := range r.Inputs {
		if r.Inputs[i].Binary {
			header = len(w.body)
			parts = append(parts, r.Inputs[i].Data)
		}
	}
	return parts, header, w.err
}

// AppendResponse appends the body of an inference response to dst; header is as AppendRequest's. It fails with Unprocessable where an output
// that is not Binary cannot be written as JSON.
func AppendResponse(dst []byte, r *Response) (body []byte, header int, err error) {
	w := writer{body: dst, start: len(dst)}
	w.open('{')
	w.identity(r.Model, r.Version, r.ID)
	w.parameters(r.Parameters)
	w.tensors("outputs", r.Outputs)
	w.close('}')
	return w.finish(r.Outputs)
}

// writer appends JSON; the first error stays.
type writer struct {
	body  []byte
	start int
	err   error
}

// request writes the JSON of a request.
func (w *writer) request(r *Request) {
	w.open('{')
	if r.ID != "" {
		w.key("id").string(r.ID)
	}
	w.parameters(r.Parameters)
	w.tensors("inputs", r.Inputs)
	if len(r.Outputs) > 0 {
		w.key("outputs").open('[')
		for i := range r.Outputs {
			w.comma().open('{')
			w.key("name").string(r.Outputs[i].Name)
			w.parameters(r.Outputs[i].Parameters)
			w.close('}')
		}
		w.close(']')
	}
	w.close('}')
}

func (w *writer) open(bracket byte)  { w.body = append(w.body, bracket) }
func (w *writer) close(bracket byte) { w.body = append(w.body, bracket) }

// comma writes a comma, unless the last byte is an opening bracket, and returns w. Something must have been written before.
func (w *writer) comma() *writer {
	if last := w.body[len(w.body)-1]; last != '{' && last != '[' {
		w.body = append(w.body, ',')
	}
	return w
}

// key writes the name of an object's member, after a comma if need be, with the colon, and returns w.
func (w *writer) key(name string) *writer {
	w.comma().string(name)
	w.body = append(w.body, ':')
	return w
}

// string writes a JSON string.
func (w *writer) string(s string) { w.body = appendQuoted(w.body, s) }

// identity writes the model's name, and its version and the request's id unless they are "".
func (w *writer) identity(model, version, id string) {
	w.key("model_name").string(model)
	if version != "" {
		w.key("model_version").string(version)
	}
	if id != "" {
		w.key("id").string(id)
	}
}

// parameters writes the member parameters, or nothing if there are none. It sets w.err to Invalid if a value cannot be JSON.
func (w *writer) parameters(p Parameters) {
	if len(p) == 0 {
		return
	}
	text, err := json.Marshal(p)
	if err != nil && w.err == nil {
		w.err = fault.New(fault.Invalid, "a parameter cannot be written as JSON", fault.Field("parameters"), fault.Cause(err))
	}
	w.key("parameters")
	w.body = append(w.body, text...)
}

// tensors writes a member of the name with the tensors.
func (w *writer) tensors(name string, tensors []Tensor) {
	w.key(name).open('[')
	for i := range tensors {
		w.comma().tensor(&tensors[i])
	}
	w.close(']')
}

// tensor writes a tensor. A Binary one has the size of its data in place of the data.
func (w *writer) tensor(t *Tensor) {
	w.open('{')
	w.key("name").string(t.Name)
	w.key("shape")
	w.body = append(w.body, FormatShape(t.Shape)...)
	w.key("datatype").string(string(t.Datatype))
	if t.Binary {
		w.parameters(t.Parameters.with(paramBinaryDataSize, int64(len(t.Data))))
	} else {
		w.parameters(t.Parameters)
		w.key("data").data(t)
	}
	w.close('}')
}

// finish appends the data of the Binary tensors. It returns the body and the length of its JSON, 0 if no tensor is
// binary, or the first error of the writer.
func (w *writer) finish(tensors []Tensor) (body []byte, header int, err error) {
	json := len(w.body) - w.start
	for i := range tensors {
		if tensors[i].Binary {
			header = json
			w.body = append(w.body, tensors[i].Data...)
		}
	}
	return w.body, header, w.err
}

// data writes the tensor's elements as a flat array.
func (w *writer) data(t *Tensor) {
	w.open('[')
	if t.Datatype == Bytes {
		w.strings(t)
	} else {
		w.numbers(t)
	}
	w.close(']')
}

// strings writes the elements of a BYTES tensor. It sets w.err to Unprocessable if one is not UTF-8.
func (w *writer) strings(t *Tensor) {
	for element := range t.Strings {
		if !utf8.Valid(element) && w.err == nil {
			w.err = fault.New(fault.Unprocessable,
				"tensor "+quoted(t.Name)+": its bytes are no UTF-8, which JSON cannot carry; ask for it as binary_data", fault.Field(t.Name))
		}
		w.comma()
		w.body = appendQuoted(w.body, element)
	}
}

// numbers writes the elements of a tensor of any datatype but BYTES.
func (w *writer) numbers(t *Tensor) {
	size, write := t.Datatype.Size(), elementWriter(t.Datatype)
	for rest := t.Data; size > 0 && len(rest) >= size; rest = rest[size:] {
		w.comma()
		w.body = write(w.body, rest)
	}
}

// elementWriter returns the function that appends to dst, as JSON, the element at the front of data. d must not be Bytes.
//
//nolint:gosec // two's complement is the wire's form
func elementWriter(d Datatype) func(dst, data []byte) []byte {
	le := binary.LittleEndian
	switch d {
	case Bool:
		return func(dst, data []byte) []byte { return strconv.AppendBool(dst, data[0] != 0) }
	case Int8:
		return func(dst, data []byte) []byte { return strconv.AppendInt(dst, int64(int8(data[0])), 10) }
	case Int16:
		return func(dst, data []byte) []byte { return strconv.AppendInt(dst, int64(int16(le.Uint16(data))), 10) }
	case Int32:
		return func(dst, data []byte) []byte { return strconv.AppendInt(dst, int64(int32(le.Uint32(data))), 10) }
	case Int64:
		return func(dst, data []byte) []byte { return strconv.AppendInt(dst, int64(le.Uint64(data)), 10) }
	case Uint8:
		return func(dst, data []byte) []byte { return strconv.AppendUint(dst, uint64(data[0]), 10) }
	case Uint16:
		return func(dst, data []byte) []byte { return strconv.AppendUint(dst, uint64(le.Uint16(data)), 10) }
	case Uint32:
		return func(dst, data []byte) []byte { return strconv.AppendUint(dst, uint64(le.Uint32(data)), 10) }
	case Uint64:
		return func(dst, data []byte) []byte { return strconv.AppendUint(dst, le.Uint64(data), 10) }
	case FP16:
		return func(dst, data []byte) []byte { return appendNumber(dst, float64(fromFP16(le.Uint16(data))), 32) }
	case FP32:
		return func(dst, data []byte) []byte {
			return appendNumber(dst, float64(math.Float32frombits(le.Uint32(data))), 32)
		}
	default:
		return func(dst, data []byte) []byte { return appendNumber(dst, math.Float64frombits(le.Uint64(data)), 64) }
	}
}

// appendNumber appends v as a JSON number. NaN and the infinities become strings, as in proto3's JSON mapping. bits is the precision, 32 or
// 64.
func appendNumber(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	default:
		return strconv.AppendFloat(dst, v, 'g', -1, bits)
	}
}

// with returns a copy of p, which may be nil, in which key has the value.
func (p Parameters) with(key string, value any) Parameters {
	longer := make(Parameters, len(p)+1)
	maps.Copy(longer, p)
	longer[key] = value
	return longer
}

// appendQuoted appends s as a JSON string (RFC 8259, 7). s must be UTF-8.
func appendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
