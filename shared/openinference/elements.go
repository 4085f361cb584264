package openinference

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/17882237881/MaaS/shared/jsontext"
)

// elements reads the "data" of a tensor out of its JSON text, flat or nested as the shape is.
type elements struct {
	scanner

	tensor *Tensor
	read   elementReader
	data   []byte
	count  int64
}

// elementReader appends the element at the cursor to data; it leaves the cursor where it was if there is none of its type.
type elementReader func(s *scanner, data []byte) (longer []byte, ok bool)

// readData sets the tensor's data from the text of a JSON array, flat or nested. It fails with Invalid if the elements are not as many as the
// shape says or not of the datatype.
func (t *Tensor) readData(text []byte) error {
	count, err := t.Elements()
	if err != nil {
		return err
	}
	if count > int64(len(text)/2) { // an element takes a byte and what parts it from the next
		return t.invalid("data", fmt.Sprintf("has too few elements: %s takes %d", FormatShape(t.Shape), count))
	}
	capacity := count * int64(t.Datatype.Size())
	if t.Datatype == Bytes {
		capacity = int64(len(text)) + 4*count
	}
	e := elements{scanner: scanner{text: text}, tensor: t, read: readerOf(t.Datatype), data: make([]byte, 0, capacity)}
	if err := e.array(count); err != nil {
		return err
	}
	t.Data = e.data
	return nil
}

// array reads the whole array of count elements. It is nested if the shape has several dimensions and the first element is an array, and flat
// otherwise.
func (e *elements) array(count int64) error {
	if len(e.tensor.Shape) > 1 && e.startsNested() {
		return e.nested(e.tensor.Shape)
	}
	return e.flat(count)
}

// startsNested reports whether the first element of the array is an array.
func (e *elements) startsNested() bool {
	inner := scanner{text: e.text, at: 1}
	return inner.next() == '['
}

// nested reads arrays within arrays, whose lengths must be the shape's dimensions. The innermost are flat.
func (e *elements) nested(shape []int64) error {
	if len(shape) == 1 {
		return e.flat(shape[0])
	}
	if err := e.take('['); err != nil {
		return err
	}
	for i := range shape[0] {
		if i > 0 {
			if e.next() == ']' {
				return e.misshapen()
			}
			if err := e.take(','); err != nil {
				return err
			}
		}
		if e.next() != '[' {
			return e.misshapen()
		}
		if err := e.nested(shape[1:]); err != nil {
			return err
		}
	}
	if e.next() != ']' {
		return e.misshapen()
	}
	e.at++
	return nil
}

// flat reads an array of exactly n elements and appends them to e.data.
func (e *elements) flat(n int64) error {
	if err := e.take('['); err != nil {
		return err
	}
	i := int64(0)
	for ; e.next() != ']'; i++ {
		if i == n {
			return e.misshapen()
		}
		if i > 0 {
			if err := e.take(','); err != nil {
				return err
			}
		}
		var ok bool
		if e.data, ok = e.read(&e.scanner, e.data); !ok {
			return e.wrong()
		}
		e.count++
	}
	if i != n {
		return e.misshapen()
	}
	e.at++
	return nil
}

// misshapen returns the Invalid error for an array that does not fit the shape.
func (e *elements) misshapen() error {
	return e.tensor.invalid("data", "has not the elements that the shape "+FormatShape(e.tensor.Shape)+" asks for")
}

// wrong returns the Invalid error for the element at the cursor, which is not of the datatype.
func (e *elements) wrong() error {
	if span, _ := (&scanner{text: e.text, at: e.at}).stringSpan(); span != nil && e.tensor.Datatype == Bytes {
		if what := jsontext.Wrong(span); what != "" {
			return e.tensor.invalid("data", fmt.Sprintf("%s, at element %d; bytes that are no text go as binary data", what, e.count))
		}
	}
	e.next()
	return e.tensor.invalid("data", fmt.Sprintf("has %s at element %d, which is no %s", e.snippet(), e.count, e.tensor.Datatype))
}

// readerOf returns the function that reads elements of a datatype.
func readerOf(d Datatype) elementReader {
	switch d {
	case Bool:
		return readBool
	case Int8, Int16, Int32, Int64:
		return signed(d.Size())
	case Uint8, Uint16, Uint32, Uint64:
		return unsigned(d.Size())
	case FP16, FP32, FP64:
		return float(d.Size())
	default:
		return readString
	}
}

// readBool is the elementReader of BOOL.
func readBool(s *scanner, data []byte) ([]byte, bool) {
	switch {
	case s.word("true"):
		return append(data, 1), true
	case s.word("false"):
		return append(data, 0), true
	default:
		return data, false
	}
}

// readString is the elementReader of BYTES: it reads a JSON string.
func readString(s *scanner, data []byte) ([]byte, bool) {
	element, err := s.bytes()
	if err != nil {
		return data, false
	}
	return AppendString(data, element), true
}

// signed returns the elementReader of signed integers of size bytes.
func signed(size int) elementReader {
	return func(s *scanner, data []byte) ([]byte, bool) {
		start := s.at
		v, err := strconv.ParseInt(string(s.number()), 10, 8*size)
		if err != nil {
			s.at = start
			return data, false
		}
		return appendUint(data, uint64(v), size), true //nolint:gosec // two's complement is the wire's form
	}
}

// unsigned returns the elementReader of unsigned integers of size bytes.
func unsigned(size int) elementReader {
	return func(s *scanner, data []byte) ([]byte, bool) {
		start := s.at
		v, err := strconv.ParseUint(string(s.number()), 10, 8*size)
		if err != nil {
			s.at = start
			return data, false
		}
		return appendUint(data, v, size), true
	}
}

// float returns the elementReader of floating-point numbers of size bytes.
func float(size int) elementReader {
	return func(s *scanner, data []byte) ([]byte, bool) {
		start := s.at
		v, ok := s.float(size)
		if !ok {
			s.at = start
			return data, false
		}
		return appendFloat(data, v, size), true
	}
}

// float reads a number that fits into size bytes, or the string "NaN", "Infinity" or "-Infinity", as proto3's JSON mapping has them. ok is
// false for anything else; the cursor may have moved then.
func (s *scanner) float(size int) (float64, bool) {
	if s.next() == '"' {
		text, _ := s.bytes()
		switch string(text) {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
		return 0, false
	}
	v, err := strconv.ParseFloat(string(s.number()), max(8*size, 32))
	if err != nil || (size == 2 && math.Abs(v) >= 65_520) {
		return 0, false
	}
	return v, true
}

// appendFloat appends v as a floating-point number of size bytes: 2, 4 or 8.
func appendFloat(data []byte, v float64, size int) []byte {
	switch size {
	case 2:
		return binary.LittleEndian.AppendUint16(data, toFP16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
	default:
		return binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
}

// appendUint appends the lowest size bytes of v.
//
//nolint:gosec // the caller checked that v fits
func appendUint(data []byte, v uint64, size int) []byte {
	switch size {
	case 1:
		return append(data, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(data, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(data, uint32(v))
	default:
		return binary.LittleEndian.AppendUint64(data, v)
	}
}
