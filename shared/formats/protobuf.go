package formats

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is where an encoded protobuf message lies: the bytes [pos, end) of the file.
type message struct{ pos, end int64 }

// field is one field of a message. What a field of bytes holds is read only when it is asked for.
type field struct {
	number int
	wire   protowire.Type
	at     int64   // where the field begins
	scalar int64   // the value of a varint or a fixed number
	body   message // the bytes of a field of bytes
	next   int64   // where the next field begins
}

// fields returns the fields of a message, in order, without reading their contents. The sequence ends after the first error, which is field's.
func (f *file) fields(m message) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for pos := m.pos; pos < m.end; {
			found, err := f.field(message{pos, m.end})
			if !yield(found, err) || err != nil {
				return
			}
			pos = found.next
		}
	}
}

// field reads the first field of m, without its content. It fails with *Refusal if that is malformed or cut off, or after too many fields.
func (f *file) field(m message) (field, error) {
	f.walked++
	if f.walked > maxFields {
		return field{}, tooComplex("has more than %d fields", maxFields)
	}
	const head = 2 * 10 // a tag, and a value or a length: varints of ten bytes at most
	b, err := f.peek(m.pos, int(min(head, m.end-m.pos)))
	if err != nil {
		return field{}, err
	}
	number, wire, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return field{}, f.broken(m, tag)
	}
	scalar, value := consume(wire, b[tag:])
	if value < 0 {
		return field{}, f.broken(m, value)
	}
	found := field{number: int(number), wire: wire, at: m.pos, scalar: signed(scalar), next: m.pos + int64(tag+value)}
	if wire != protowire.BytesType {
		return found, nil
	}
	if found.scalar < 0 || found.scalar > m.end-found.next {
		return field{}, f.short(m, fmt.Sprintf("a field says that it has %d bytes", scalar))
	}
	found.body = message{found.next, found.next + found.scalar}
	found.next = found.body.end
	return found, nil
}

// consume decodes a field's number, or the length of its bytes, at the start of b, and returns how many bytes it took. n is negative, protowire's
// code, on an error.
func consume(wire protowire.Type, b []byte) (value uint64, n int) {
	switch wire {
	case protowire.VarintType, protowire.BytesType:
		return protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		small, n := protowire.ConsumeFixed32(b)
		return uint64(small), n
	case protowire.Fixed64Type:
		return protowire.ConsumeFixed64(b)
	default: // groups, which no format here has
		return 0, notWire
	}
}

// signed converts a number as protobuf encodes an int64, in two's complement.
func signed(v uint64) int64 { return int64(v) } //nolint:gosec // meant to wrap

// notWire is a length that protowire gives for no error of its own but the generic one.
const notWire = -100

// broken returns the refusal for the first field of m, for protowire's error code n.
func (f *file) broken(m message, n int) error {
	if errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF) {
		return f.short(m, "a field's head is cut")
	}
	return malformed(m.pos, "has no valid field")
}

// short returns the refusal of a message that ends before its field does: the file is truncated if the message ends with the file, otherwise
// malformed. why says what is missing.
func (f *file) short(m message, why string) error {
	if m.end == f.size {
		return truncated(f.size, why, m.pos)
	}
	return malformed(m.pos, "is cut: %s, and what it is in ends before", why)
}

// message returns where a field's bytes lie. It fails with *Refusal if the field is a number.
func (v field) message() (message, error) {
	if v.wire != protowire.BytesType {
		return message{}, malformed(v.at, "has a number where field %d is text or a message", v.number)
	}
	return v.body, nil
}

// int returns a field's integer. It fails with *Refusal if the field is none.
func (v field) int() (int64, error) {
	if v.wire != protowire.VarintType {
		return 0, malformed(v.at, "has no integer where field %d is one", v.number)
	}
	return v.scalar, nil
}

// enum returns a field's integer cut to 32 bits, as protobuf reads an enum or an int32. It fails with *Refusal if the field is none.
func (v field) enum() (int64, error) {
	n, err := v.int()
	return int64(int32(n)), err //nolint:gosec // meant to drop them
}

// textOf reads a field as a name. It fails as message and string do: with *Refusal if the field holds no name.
func (f *file) textOf(v field) (string, error) {
	m, err := v.message()
	if err != nil {
		return "", err
	}
	return f.string(m)
}

// ints appends the integers of a repeated field, packed or not, to a list of up to most. It fails with *Refusal if they are malformed or too many.
func (f *file) ints(list []int64, v field, most int) ([]int64, error) {
	if v.wire == protowire.VarintType {
		return appendBounded(list, v.scalar, v.at, most)
	}
	m, err := v.message()
	if err != nil {
		return nil, err
	}
	for m.pos < m.end {
		b, err := f.peek(m.pos, int(min(10, m.end-m.pos)))
		if err != nil {
			return nil, err
		}
		value, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, malformed(m.pos, "has no valid number in a list")
		}
		if list, err = appendBounded(list, signed(value), m.pos, most); err != nil {
			return nil, err
		}
		m.pos += int64(n)
	}
	return list, nil
}

// appendBounded appends a value to a list of up to most. It fails with *Refusal if the list is full; at is the value's place in the file.
func appendBounded(list []int64, value, at int64, most int) ([]int64, error) {
	if len(list) == most {
		return nil, malformed(at, "has more than %d dimensions", most)
	}
	return append(list, value), nil
}

// within reads a field's message.
func (f *file) within(v field, read func(message) error) error {
	m, err := v.message()
	if err != nil {
		return err
	}
	return read(m)
}

// singular is a set of the numbers of a message's fields that may not be repeated.
type singular uint64

func once(numbers ...int) (set singular) {
	for _, number := range numbers {
		set |= 1 << number
	}
	return set
}

// has reports whether the field with the number has been read before. Numbers from 64 on are not recorded.
func (s singular) has(number int) bool { return number < 64 && s>>number&1 == 1 }

// each reads the fields of a message. A singular field that is given twice is refused: of two numbers or texts protobuf takes the last, and two
// messages it merges, so that a reader that does otherwise would check another model than the one that runs.
func (f *file) each(m message, unrepeated singular, read func(field) error) error {
	var seen uint64
	for v, err := range f.fields(m) {
		if err != nil {
			return err
		}
		if unrepeated.has(v.number) {
			if seen>>v.number&1 == 1 {
				return malformed(v.at, "has field %d of a message twice, which may be there once", v.number)
			}
			seen |= 1 << v.number
		}
		if err := read(v); err != nil {
			return err
		}
	}
	return nil
}
