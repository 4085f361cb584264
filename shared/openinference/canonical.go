package openinference

import (
	"encoding/binary"
	"hash"
	"maps"
	"math"
	"slices"
)

// HashTo writes to h all of the request that can decide its answer: inputs, requested outputs and parameters, but not the id. Two requests write
// the same bytes if and only if they mean the same. The order of an object's members, white space, the spelling of numbers, nested or flat data, and
// whether a tensor came as JSON or as binary data make no difference. The elements' bits do: 0.0 and -0.0 differ, and so do two NaNs.
func (r *Request) HashTo(h hash.Hash) {
	c := canonical{h: h}
	c.parameters(r.Parameters)
	c.length(len(r.Inputs))
	for i := range r.Inputs {
		c.tensor(&r.Inputs[i])
	}
	c.length(len(r.Outputs))
	for i := range r.Outputs {
		c.text(r.Outputs[i].Name)
		c.parameters(r.Outputs[i].Parameters)
	}
	c.flush()
}

// canonical writes values so that no two sequences of them give the same bytes: texts and lists follow their lengths.
type canonical struct {
	h       hash.Hash
	pending []byte
}

func (c *canonical) flush() {
	_, _ = c.h.Write(c.pending) // a hash takes everything
	c.pending = c.pending[:0]
}

func (c *canonical) number(n uint64) { c.pending = binary.LittleEndian.AppendUint64(c.pending, n) }

func (c *canonical) length(n int) { c.number(uint64(n)) } //nolint:gosec // lengths are not negative

func (c *canonical) text(s string) {
	c.length(len(s))
	c.pending = append(c.pending, s...)
}

// hashPiece is the most bytes that WritePieces hashes at a time.
const hashPiece = 256 << 10

// WritePieces writes b to a hash in pieces. Go cannot preempt a goroutine within one Write, and all others wait while the garbage collector stops them.
func WritePieces(h hash.Hash, b []byte) {
	for piece := range slices.Chunk(b, hashPiece) {
		_, _ = h.Write(piece) // a hash takes everything
	}
}

func (c *canonical) tensor(t *Tensor) {
	c.text(t.Name)
	c.text(string(t.Datatype))
	c.length(len(t.Shape))
	for _, d := range t.Shape {
		c.number(uint64(d)) //nolint:gosec // the bits are what counts
	}
	c.parameters(t.Parameters)
	c.length(len(t.Data))
	c.flush()
	WritePieces(c.h, t.Data)
}

func (c *canonical) parameters(p Parameters) {
	c.length(len(p))
	for _, key := range slices.Sorted(maps.Keys(p)) {
		c.text(key)
		c.parameter(p[key])
	}
}

// parameter writes the value after a letter for its type. gRPC has two types for a whole number where JSON has one.
func (c *canonical) parameter(value any) {
	switch v := value.(type) {
	case bool:
		c.pending = append(c.pending, 'b', boolData([]bool{v})[0])
	case int64:
		c.pending = append(c.pending, 'i')
		c.number(uint64(v)) //nolint:gosec // the bits are what counts
	case uint64:
		letter := byte('u')
		if v <= math.MaxInt64 {
			letter = 'i'
		}
		c.pending = append(c.pending, letter)
		c.number(v)
	case float64:
		c.pending = append(c.pending, 'f')
		c.number(math.Float64bits(v))
	case string:
		c.pending = append(c.pending, 's')
		c.text(v)
	}
}
