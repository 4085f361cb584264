package formats_test

import "encoding/binary"

// The values of fields of a flatbuffer's tables, beside uint8, uint32 and uint64. A field that is nil is not there.
type (
	flat       []any    // a table: its fields by their numbers
	flatTables []flat   // a vector of tables
	flatInts   []int32  // a vector
	flatLongs  []int64  // a vector
	flatBytes  []byte   // a vector
	flatRaw    []uint32 // a vector whose elements are taken for offsets
	flatCount  uint32   // a vector that says that it has so many elements
)

// flatbuffer encodes a table as the root of a flatbuffer of TensorFlow Lite.
func flatbuffer(root flat) string {
	b := []byte("\x00\x00\x00\x00TFL3")
	var at int
	b, at = appendFlat(b, root)
	binary.LittleEndian.PutUint32(b, uint32(at))
	return string(b)
}

// appendFlat adds a value that is pointed to, and returns where it is. A table's fields take eight bytes each, behind eight of the table's head.
func appendFlat(b []byte, value any) (all []byte, at int) {
	for len(b)%8 != 4 {
		b = append(b, 0)
	}
	at = len(b)
	count := func(n int) { b = binary.LittleEndian.AppendUint32(b, uint32(n)) }
	switch value := value.(type) {
	case string:
		count(len(value))
		return append(append(b, value...), 0), at
	case flatBytes:
		count(len(value))
		return append(b, value...), at
	case flatInts:
		count(len(value))
		for _, n := range value {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		return b, at
	case flatRaw:
		count(len(value))
		for _, n := range value {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		return b, at
	case flatCount:
		count(int(value))
		return b, at
	case flatLongs:
		count(len(value))
		for _, n := range value {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		return b, at
	case flatTables:
		count(len(value))
		b = append(b, make([]byte, 4*len(value))...)
		for i, child := range value {
			place := at + 4 + 4*i
			var to int
			b, to = appendFlat(b, child)
			binary.LittleEndian.PutUint32(b[place:], uint32(to-place))
		}
		return b, at
	default:
		return appendFlatTable(b, value.(flat))
	}
}

func appendFlatTable(b []byte, fields flat) (all []byte, at int) {
	kind := len(b)
	b = binary.LittleEndian.AppendUint16(b, uint16(4+2*len(fields)))
	b = binary.LittleEndian.AppendUint16(b, uint16(8+8*len(fields)))
	for i, field := range fields {
		place := 8 + 8*i
		if field == nil {
			place = 0
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(place))
	}
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	at = len(b)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(at-kind)), make([]byte, 4+8*len(fields))...)
	for i, field := range fields {
		place := at + 8 + 8*i
		switch field := field.(type) {
		case nil:
		case uint8:
			b[place] = field
		case uint32:
			binary.LittleEndian.PutUint32(b[place:], field)
		case uint64:
			binary.LittleEndian.PutUint64(b[place:], field)
		default:
			var to int
			b, to = appendFlat(b, field)
			binary.LittleEndian.PutUint32(b[place:], uint32(to-place))
		}
	}
	return b, at
}

// poke returns the file with another number of two or four bytes at a place.
func poke[N uint16 | uint32](file string, at int, n N) string {
	b := []byte(file)
	switch n := any(n).(type) {
	case uint16:
		binary.LittleEndian.PutUint16(b[at:], n)
	case uint32:
		binary.LittleEndian.PutUint32(b[at:], n)
	}
	return string(b)
}
