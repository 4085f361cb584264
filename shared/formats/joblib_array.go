package formats

import (
	"bytes"
	"math"
	"strings"
)

// joblibArray is joblib's NumpyArrayWrapper, which stands in a pickle for an array whose bytes follow (joblib 1.6, numpy_pickle.py).
type joblibArray struct{ read bool }

// joblibAlignment is the most that arrays are aligned to; joblib writes 16 (NUMPY_ARRAY_ALIGNMENT_BYTES). The byte with the padding's length must
// not be an opcode, so that a file cannot be one thing for joblib and another for pickle: the lowest is 40.
const joblibAlignment = 32

const notJoblibArray = "has an array that is not as joblib writes it with protocols 2 to 5"

// isJoblibArray reports whether the class is joblib's wrapper of arrays.
func (g *pickleGlobal) isJoblibArray() bool {
	return g.module == "joblib.numpy_pickle" && g.name == "NumpyArrayWrapper"
}

// array gives an array its state, and steps over its bytes. What goes beyond joblib's own way to write one is refused.
func (s *pickleScan) array(a *joblibArray, state pickleValue) error {
	dict, ok := state.(*pickleDict)
	if !ok || dict.lost || a.read || a != s.pending || s.frameEnd > s.in.at {
		return malformed(s.at, notJoblibArray)
	}
	described, ok := newJoblibState(dict)
	if !ok {
		return malformed(s.at, "has an array without its shape or its type")
	}
	a.read, s.pending, s.frameEnd = true, nil, 0
	s.stack[len(s.stack)-1] = nil
	dict.lose()
	s.report.arrays++
	if described.objects {
		nested := &pickleScan{in: s.in, ops: s.ops, report: s.report, memos: []*pickleMemo{newPickleMemo()}}
		return nested.one()
	}
	if described.alignment > 0 {
		if err := s.padding(described.alignment); err != nil {
			return err
		}
	} else if err := s.checkRaw(described.size); err != nil {
		return err
	}
	return s.in.skip(described.size)
}

// padding steps over the bytes that align an array: their number, and as many of 0xff.
func (s *pickleScan) padding(alignment int64) error {
	length, err := s.in.next(1)
	if err != nil {
		return err
	}
	n := int(length[0])
	if int64(n) > alignment {
		return malformed(s.at, "has an array with %d bytes before it; at most %d are allowed", n, alignment)
	}
	b, err := s.in.next(n)
	if err == nil && bytes.Count(b, []byte{0xff}) < n {
		err = malformed(s.at, "has an array with data before it")
	}
	return err
}

// checkRaw looks whether an array that joblib before 1.2 wrote begins like a pickle that imports something, or that goes on for long: pickle.load,
// which knows nothing of arrays, would go on there.
func (s *pickleScan) checkRaw(size int64) error {
	head, err := s.in.peek(int(min(size, headSize)))
	if err != nil {
		return err
	}
	for rest := head; len(rest) > 0; {
		opcode := rest[0]
		n := 0 // after STOP another pickle may be loaded
		if strings.IndexByte(imports, opcode) >= 0 {
			n = len(rest)
		} else if opcode != stop {
			n = s.ops[opcode].length(rest[1:])
		}
		if n < 0 {
			return nil // pickle.load fails there
		}
		if n >= len(rest)-1 {
			s.find("array", "has an array that pickle.load may take for code: save it anew by joblib 1.2 or later")
			return nil
		}
		rest = rest[1+n:]
	}
	return nil
}

// joblibState is what the state of an array says.
type joblibState struct {
	size      int64 // bytes
	objects   bool  // a pickle of its own follows instead of bytes
	alignment int64 // 0: no padding
}

// newJoblibState reads the state of an array; it reports whether it is as joblib writes it.
func newJoblibState(d *pickleDict) (joblibState, bool) {
	allowed := map[string]bool{"subclass": true, "shape": true, "order": true, "dtype": true, "allow_mmap": true, "numpy_array_alignment_bytes": true}
	for key := range d.items {
		if !allowed[key] {
			return joblibState{}, false
		}
	}
	_, subclass := d.items["subclass"].(*pickleGlobal)
	shape, shaped := d.items["shape"].(pickleTuple)
	kind, typed := d.items["dtype"].(*numPyType)
	order, _ := d.items["order"].(string)
	mapped, given := d.items["allow_mmap"]
	allows, isBool := mapped.(bool)
	if !subclass || !shaped || !typed || kind.unknown || order != "C" && order != "F" || given && !isBool || allows && kind.objects {
		return joblibState{}, false
	}
	state := joblibState{size: kind.size, objects: kind.objects}
	for _, extent := range shape {
		n, ok := extent.(int64)
		if !ok || n < 0 || n > 0 && state.size > math.MaxInt64/n {
			return joblibState{}, false
		}
		state.size *= n
	}
	switch alignment := d.items["numpy_array_alignment_bytes"].(type) {
	case int64:
		state.alignment = alignment
		return state, alignment >= 1 && alignment <= joblibAlignment
	case nil, pickleNone:
		_, given := d.items["numpy_array_alignment_bytes"]
		return state, !given || d.items["numpy_array_alignment_bytes"] == pickleValue(pickleNone{})
	default:
		return joblibState{}, false
	}
}
