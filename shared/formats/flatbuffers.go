package formats

import (
	"encoding/binary"
	"math"
)

// The bounds of a flatbuffer.
const (
	flatMaxSize   = math.MaxInt32 // bytes: offsets are signed in places (flatbuffers.h, FLATBUFFERS_MAX_BUFFER_SIZE)
	flatMaxTables = 1 << 20       // that are read, each as often as something refers to it
	flatMaxFields = 128           // of a table
	flatMaxKinds  = 1 << 12       // different lists of fields (vtables)
)

// flatReader reads a flatbuffer, and checks each place in it as a verifier does (flatbuffers.dev, Internals): a program that reads a flatbuffer without
// a verifier goes wherever the file says. Offsets lead forwards only, but those to lists of fields, so that there are no cycles.
type flatReader struct {
	*file
	kinds  map[int64][]uint16 // by their places: where a table's fields are
	tables int
}

func newFlatReader(f *file) *flatReader { return &flatReader{file: f, kinds: map[int64][]uint16{}} }

// flatTable is a table at a place; those at 0 have no fields.
type flatTable struct {
	from   *flatReader
	at     int64
	size   int64
	fields []uint16
}

// flatVector is where a vector's elements lie.
type flatVector struct{ at, count int64 }

// end returns where the flatbuffer ends: what lies further on is reached by other means than its offsets.
func (r *flatReader) end() int64 { return min(r.size, flatMaxSize) }

// read32 returns the number at a place; its position is a multiple of four, as of all such numbers.
func (r *flatReader) read32(at int64) (uint32, error) {
	if at < 0 || at%4 != 0 || at > r.end()-4 {
		return 0, malformed(max(at, 0), "has nothing at byte %d, to where it points", at)
	}
	b, err := r.peek(at, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// follow returns where the offset at a place leads.
func (r *flatReader) follow(at int64) (int64, error) {
	offset, err := r.read32(at)
	to := at + int64(offset)
	if err == nil && (offset == 0 || to > r.end()-4 || to%4 != 0) {
		err = malformed(at, "points to byte %d, where nothing can be", to)
	}
	return to, err
}

// table reads the head of the table at a place.
func (r *flatReader) table(at int64) (flatTable, error) {
	if r.tables++; r.tables > flatMaxTables {
		return flatTable{}, tooComplex("refers to more than %d tables", flatMaxTables)
	}
	back, err := r.read32(at)
	if err != nil {
		return flatTable{}, err
	}
	place := at - int64(int32(back)) //nolint:gosec // meant to be signed
	kind, ok := r.kinds[place]
	if !ok {
		if kind, err = r.kind(place); err != nil {
			return flatTable{}, err
		}
		if len(r.kinds) == flatMaxKinds {
			return flatTable{}, tooComplex("has more than %d kinds of tables", flatMaxKinds)
		}
		r.kinds[place] = kind
	}
	size := int64(kind[1])
	if size < 4 || size > r.end()-at {
		return flatTable{}, malformed(at, "has a table of %d bytes, which cannot be", size)
	}
	return flatTable{r, at, size, kind[2:]}, nil
}

// kind reads a list of fields (a vtable): its size, the tables' size, and where each field is in a table, 0 where it is not there.
func (r *flatReader) kind(at int64) ([]uint16, error) {
	if at < 0 || at%2 != 0 || at > r.end()-4 {
		return nil, malformed(max(at, 0), "has a table whose fields are listed at byte %d, where nothing can be", at)
	}
	b, err := r.peek(at, 4)
	if err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint16(b))
	if size < 4 || size%2 != 0 || size > r.end()-at || size > 4+2*flatMaxFields {
		return nil, malformed(at, "has a table whose fields are listed in %d bytes, which cannot be", size)
	}
	if b, err = r.peek(at, int(size)); err != nil {
		return nil, err
	}
	kind := make([]uint16, size/2)
	for i := range kind {
		kind[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return kind, nil
}

// place returns where a field of width bytes is; 0 if it is not there.
func (t flatTable) place(slot int, width int64) (int64, error) {
	if slot >= len(t.fields) || t.fields[slot] == 0 {
		return 0, nil
	}
	offset := int64(t.fields[slot])
	if offset < 4 || offset > t.size-width || (t.at+offset)%width != 0 {
		return 0, malformed(t.at, "has a table whose field %d is at %d of its %d bytes, which cannot be", slot, offset, t.size)
	}
	return t.at + offset, nil
}

// uint returns a number of width bytes, or what it is where it is not there.
func (t flatTable) uint(slot int, width int64, otherwise uint64) (uint64, error) {
	at, err := t.place(slot, width)
	if err != nil || at == 0 {
		return otherwise, err
	}
	b, err := t.from.peek(at, int(width))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// int returns a signed number of four bytes.
func (t flatTable) int(slot int, otherwise int32) (int64, error) {
	n, err := t.uint(slot, 4, uint64(uint32(otherwise))) //nolint:gosec // back again below
	return int64(int32(n)), err                          //nolint:gosec // meant to be signed
}

// child returns a table that a field points to; ok is false if there is none.
func (t flatTable) child(slot int) (child flatTable, ok bool, err error) {
	at, err := t.place(slot, 4)
	if err != nil || at == 0 {
		return flatTable{}, false, err
	}
	to, err := t.from.follow(at)
	if err != nil {
		return flatTable{}, false, err
	}
	child, err = t.from.table(to)
	return child, err == nil, err
}

// vector returns a vector of elements of size bytes; an empty one if it is not there.
func (t flatTable) vector(slot int, size int64) (flatVector, error) {
	at, err := t.place(slot, 4)
	if err != nil || at == 0 {
		return flatVector{}, err
	}
	to, err := t.from.follow(at)
	if err != nil {
		return flatVector{}, err
	}
	count, err := t.from.read32(to)
	if err != nil {
		return flatVector{}, err
	}
	first := to + 4
	if int64(count) > (t.from.end()-first)/size {
		return flatVector{}, malformed(to, "says that it has %d elements of %d bytes, more than there are", count, size)
	}
	if size <= 8 && first%size != 0 {
		return flatVector{}, malformed(to, "has elements of %d bytes at byte %d, where they cannot be", size, first)
	}
	return flatVector{first, int64(count)}, nil
}

// text returns a text's place. A NUL follows it.
func (t flatTable) text(slot int) (message, error) {
	v, err := t.vector(slot, 1)
	if err != nil || v.at == 0 {
		return message{}, err
	}
	end := v.at + v.count
	if end >= t.from.end() {
		return message{}, malformed(v.at, "has a text of %d bytes, which ends with the file", v.count)
	}
	b, err := t.from.peek(end, 1)
	if err == nil && b[0] != 0 {
		err = malformed(end, "has a text that does not end with a NUL")
	}
	return message{v.at, end}, err
}

// name returns a text that can be shown.
func (t flatTable) name(slot int) (string, error) {
	m, err := t.text(slot)
	if err != nil {
		return "", err
	}
	return t.from.string(m)
}

// each visits the tables of a vector.
func (t flatTable) each(slot int, visit func(i int64, child flatTable) error) error {
	return t.offsets(slot, func(i, at int64) error {
		child, err := t.from.table(at)
		if err != nil {
			return err
		}
		return visit(i, child)
	})
}

// offsets visits the places that the offsets of a vector lead to.
func (t flatTable) offsets(slot int, visit func(i, at int64) error) error {
	v, err := t.vector(slot, 4)
	if err != nil {
		return err
	}
	return t.from.chunks(v, func(i int64, n uint32) error {
		at := v.at + 4*i
		to := at + int64(n)
		if n == 0 || to%4 != 0 || to > t.from.end()-4 {
			return malformed(at, "points to byte %d, where nothing can be", to)
		}
		return visit(i, to)
	})
}

// chunks visits the numbers of four bytes of a vector. Some are read at a time, as what is visited lies elsewhere.
func (r *flatReader) chunks(v flatVector, visit func(i int64, n uint32) error) error {
	const step = 1024
	if r.walked += int(v.count); r.walked > maxFields {
		return tooComplex("has more than %d numbers in lists", maxFields)
	}
	for first := int64(0); first < v.count; first += step {
		window, err := r.peek(v.at+4*first, int(4*min(step, v.count-first)))
		if err != nil {
			return err
		}
		chunk := append([]byte(nil), window...)
		for i := int64(0); len(chunk) > 0; i, chunk = i+1, chunk[4:] {
			if err := visit(first+i, binary.LittleEndian.Uint32(chunk)); err != nil {
				return err
			}
		}
	}
	return nil
}

// ints returns the signed numbers of four bytes of a vector, up to most.
func (t flatTable) ints(slot, most int) ([]int64, error) {
	v, err := t.vector(slot, 4)
	if err != nil {
		return nil, err
	}
	if v.count > int64(most) {
		return nil, malformed(v.at, "has %d numbers in a list; at most %d are allowed", v.count, most)
	}
	list := make([]int64, 0, v.count)
	err = t.from.chunks(v, func(_ int64, n uint32) error {
		list = append(list, int64(int32(n))) //nolint:gosec // meant to be signed
		return nil
	})
	return list, err
}
