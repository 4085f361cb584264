package formats

// pickleMemo holds the values that a pickle has stored for later, by their indexes. Above its bounds it forgets the oldest.
type pickleMemo struct {
	defined, plain pickleBits // the indexes that have a value, and those that have one of no interest
	count          int64      // of indexes that have one
	values         map[int64]pickleValue
	oldest         []pickleStored // values that may be forgotten, in the order in which they were stored
	weight         int            // of these
	pinned         int            // values that may not
}

// pickleStored is a value's index in the memo, with its weight.
type pickleStored struct {
	index  int64
	weight int
}

// pickleBits is a set of small numbers.
type pickleBits []uint64

func newPickleMemo() *pickleMemo { return &pickleMemo{values: map[int64]pickleValue{}} }

// has reports whether a number is in the set.
func (b *pickleBits) has(i int64) bool {
	return i >= 0 && i/64 < int64(len(*b)) && (*b)[i/64]>>(i%64)&1 == 1
}

// add puts a number into the set.
func (b *pickleBits) add(i int64) {
	if missing := i/64 + 1 - int64(len(*b)); missing > 0 {
		*b = append(*b, make([]uint64, missing)...)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

// remove takes a number out of the set.
func (b *pickleBits) remove(i int64) {
	if b.has(i) {
		(*b)[i/64] &^= 1 << (i % 64)
	}
}

// get returns the value at an index, and whether there is one.
func (m *pickleMemo) get(index int64) (pickleValue, bool) {
	v, kept := m.values[index]
	switch {
	case !m.defined.has(index):
		return nil, false
	case kept:
		return v, true
	case m.plain.has(index):
		return nil, true
	default:
		return pickleForgotten{}, true
	}
}

// put stores a value, which is not forgotten if it is pinned or imported. It reports whether the memo's bounds allow it.
func (m *pickleMemo) put(index int64, v pickleValue, pin bool) bool {
	if index < 0 || index >= maxPickleMemo {
		return false
	}
	if !m.defined.has(index) {
		m.defined.add(index)
		m.count++
	}
	m.plain.remove(index)
	if v == nil {
		m.plain.add(index)
	}
	delete(m.values, index)
	_, forgotten := v.(pickleForgotten)
	switch {
	case v == nil, forgotten:
	case pickleKeeps(v), pin && m.pinned < maxPicklePinned:
		m.values[index] = v
		m.pinned++
	default:
		m.values[index] = v
		m.oldest = append(m.oldest, pickleStored{index, pickleWeight(v)})
		for m.weight += pickleWeight(v); m.weight > pickleMemoSpace; {
			m.forget()
		}
	}
	return m.pinned <= 2*maxPicklePinned
}

// forget drops the oldest value that may be dropped.
func (m *pickleMemo) forget() {
	stored := m.oldest[0]
	m.oldest = m.oldest[1:]
	m.weight -= stored.weight
	if !pickleKeeps(m.values[stored.index]) {
		delete(m.values, stored.index)
	}
}
