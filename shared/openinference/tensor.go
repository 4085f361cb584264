package openinference

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// Limits of one tensor.
const (
	MaxRank = 32    // dimensions
	MaxName = 1_024 // bytes
)

// Tensor is a named array.
type Tensor struct {
	Name     string
	Datatype Datatype
	Shape    []int64 // each 0 or more; none for a scalar

	// Data holds the elements in row-major order, little-endian, without gaps; a BOOL is the byte 0 or 1, and a BYTES element stands
	// after its length in 4 bytes. This is the form of the binary extension and of gRPC's raw contents: neither copies it.
	Data []byte

	// Binary says that the tensor came, or is to go, by the binary extension of the REST protocol. gRPC does not look at it.
	Binary bool

	Parameters Parameters
}

// Parameters are a message's or a tensor's extras: bool, int64, uint64, float64 and string values.
type Parameters map[string]any

// checkName fails with Invalid if the name of a tensor is empty or longer than MaxName bytes.
func checkName(name string) error {
	if name == "" {
		return fault.New(fault.Invalid, "a tensor's name is missing", fault.Field("name"))
	}
	if len(name) > MaxName {
		return fault.New(fault.Invalid, fmt.Sprintf("a tensor's name has %d bytes: it has 1 to %d", len(name), MaxName), fault.Field("name"))
	}
	return nil
}

// checkHead fails with Invalid if the tensor's name, datatype or shape is wrong. It does not look at the data.
func (t *Tensor) checkHead() error {
	if err := checkName(t.Name); err != nil {
		return err
	}
	if _, err := ParseDatatype(string(t.Datatype)); err != nil {
		return t.invalid("datatype", fault.From(err).Message)
	}
	_, err := t.Elements()
	return err
}

// Elements returns how many elements the shape has, 1 for a scalar. It fails with Invalid for a negative dimension, more than MaxRank
// dimensions, or a product that is too large.
func (t *Tensor) Elements() (int64, error) {
	if len(t.Shape) > MaxRank {
		return 0, t.invalid("shape", fmt.Sprintf("has %d dimensions: %d at most", len(t.Shape), MaxRank))
	}
	product, empty := int64(1), false
	for _, d := range t.Shape {
		if d < 0 {
			return 0, t.invalid("shape", "has the negative dimension "+strconv.FormatInt(d, 10))
		}
		if d == 0 {
			empty = true
			continue
		}
		if product > math.MaxInt64/8/d { // 8: the longest element, so that the length in bytes is an int64 too
			return 0, t.invalid("shape", FormatShape(t.Shape)+" has too many elements")
		}
		product *= d
	}
	if empty {
		return 0, nil
	}
	return product, nil
}

// Check fails with Invalid if the name, datatype or shape is wrong, or if the data is not what they ask for: its length and, of BYTES and
// BOOL, its form.
func (t *Tensor) Check() error {
	if err := t.checkHead(); err != nil {
		return err
	}
	count, err := t.Elements()
	if err != nil {
		return err
	}
	if t.Datatype == Bytes {
		return t.checkBytes(count)
	}
	if want := count * int64(t.Datatype.Size()); int64(len(t.Data)) != want {
		return t.invalid("data", fmt.Sprintf("is %d bytes: %s %s takes %d", len(t.Data), t.Datatype, FormatShape(t.Shape), want))
	}
	if t.Datatype == Bool {
		return t.checkBools()
	}
	return nil
}

// checkBools fails with Invalid if a byte of the data is neither 0 nor 1.
func (t *Tensor) checkBools() error {
	for i, b := range t.Data {
		if b > 1 {
			return t.invalid("data", fmt.Sprintf("has the byte %d at element %d: BOOL is 0 or 1", b, i))
		}
	}
	return nil
}

// checkBytes fails with Invalid unless the data is exactly count BYTES elements.
func (t *Tensor) checkBytes(count int64) error {
	found := int64(0)
	for rest := t.Data; len(rest) > 0; found++ {
		_, after, ok := cutElement(rest)
		if !ok {
			return t.invalid("data", fmt.Sprintf("ends inside element %d", found))
		}
		rest = after
	}
	if found != count {
		return t.invalid("data", fmt.Sprintf("has %d elements: BYTES %s takes %d", found, FormatShape(t.Shape), count))
	}
	return nil
}

// Strings iterates over the elements of a BYTES tensor that Check passed. The slices are parts of Data.
func (t *Tensor) Strings(yield func([]byte) bool) {
	for rest := t.Data; len(rest) > 0; {
		element, after, ok := cutElement(rest)
		if !ok || !yield(element) {
			return
		}
		rest = after
	}
}

// AppendString appends one BYTES element to data: its length in 4 bytes, and then the element.
func AppendString[S ~string | ~[]byte](data []byte, element S) []byte {
	data = binary.LittleEndian.AppendUint32(data, uint32(len(element))) //nolint:gosec // messages are bounded far below 4 GiB
	return append(data, element...)
}

// cutElement returns the first BYTES element of data, without its length, and what follows it. ok is false if data ends within it.
func cutElement(data []byte) (element, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	size := int64(binary.LittleEndian.Uint32(data))
	if size > int64(len(data)-4) {
		return nil, nil, false
	}
	return data[4 : 4+size], data[4+size:], true
}

// FormatShape writes a shape as the protocol's JSON does: [3,64].
func FormatShape(shape []int64) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range shape {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(d, 10))
	}
	b.WriteByte(']')
	return b.String()
}

// invalid returns an Invalid error about one member of the tensor, which names the tensor in the sentence and in the field.
func (t *Tensor) invalid(member, what string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("tensor %s: %s %s", quoted(t.Name), member, what), fault.Field(t.Name+"."+member))
}

// quoted returns s in quotes, cut to 64 bytes, for a sentence about what came from outside.
func quoted(s string) string {
	const longest = 64
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return strconv.Quote(s)
}
