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

// flush writes the pending bytes to the hash.
func (c *canonical) flush() {
	_, _ = c.h.Write(c.pending) // a hash takes everything
	c.pending = c.pending[:0]
}

// number adds n as 8 bytes.
func (c *canonical) number(n uint64) { c.pending = binary.LittleEndian.AppendUint64(c.pending, n) }

// length adds a length, which is not negative.
func (c *canonical) length(n int) { c.number(uint64(n)) } //nolint:gosec // lengths are not negative

// text adds a text after its length.
func (c *canonical) text(s string) {
	c.length(len(s))
	c.pending = append(c.pending, s...)
}

// hashPiece is the most bytes that WritePieces hashes at a time.
const hashPiece = 256 << 10

// WritePieces writes b to h in pieces of 256 KiB, so that Go can preempt the goroutine between them. Within one Write it cannot, and the
// garbage collector would make all others wait.
func WritePieces(h hash.Hash, b []byte) {
	for piece := range slices.Chunk(b, hashPiece) {
		_, _ = h.Write(piece) // a hash takes everything
	}
}

// tensor adds all of a tensor, and writes it to the hash.
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

// parameters adds the parameters in the order of their keys.
func (c *canonical) parameters(p Parameters) {
	c.length(len(p))
	for _, key := range slices.Sorted(maps.Keys(p)) {
		c.text(key)
		c.parameter(p[key])
	}
}

// parameter adds a value after a letter for its type. An int64 and a uint64 of the same value give the same bytes, since JSON has one type for
// both.
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
