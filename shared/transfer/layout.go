package transfer

import (
	"fmt"
	"math/bits"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/objects"
)

// The sizes of chunks, in bytes. Each is a power of two.
const (
	MinChunk = 8 << 20
	MaxChunk = 512 << 20

	maxFirst = 1 << 30 // of the first chunk: one chunk, and the longest header that anyone has put before it
)

// Layout is how a file is cut: all chunks have one size, but the first, which may be longer, and the last, which may be shorter.
// Chunks count from 0.
type Layout struct {
	Size  int64 // of the file, 1 or more
	Chunk int64
	First int64 // the most that chunk 0 has
	Count int
}

// NewLayout cuts a file of the size for the store. Where chunk or first is 0 it is chosen: the smallest chunk of which the store takes
// enough, and a first one that is no longer. It fails with Invalid for sizes outside the bounds, and with Unprocessable where the store
// does not take the parts.
func NewLayout(size, chunk, first int64, store objects.Profile) (Layout, error) {
	if chunk == 0 {
		chunk = smallest(size, store.MaxParts)
	}
	if first == 0 {
		first = chunk
	}
	l := Layout{Size: size, Chunk: chunk, First: first}
	if err := l.check(store); err != nil {
		return Layout{}, err
	}
	l.Count = 1
	if size > first {
		l.Count += int((size - first + chunk - 1) / chunk)
	}
	if l.Count > store.MaxParts {
		return Layout{}, fault.New(fault.Unprocessable, fmt.Sprintf(
			"A file of %d bytes has %d chunks of %d; at most %d are taken.", size, l.Count, chunk, store.MaxParts), fault.Field("chunk_size"))
	}
	return l, nil
}

func (l Layout) check(store objects.Profile) error {
	switch {
	case l.Chunk < MinChunk || l.Chunk > MaxChunk || bits.OnesCount64(uint64(l.Chunk)) != 1:
		return fault.New(fault.Invalid, fmt.Sprintf("A chunk_size is a power of two from %d to %d bytes.", MinChunk, MaxChunk), fault.Field("chunk_size"))
	case l.First < l.Chunk || l.First > maxFirst:
		return fault.New(fault.Invalid, fmt.Sprintf("A first_chunk_size is from the chunk size, %d, to %d bytes.", l.Chunk, maxFirst),
			fault.Field("first_chunk_size"))
	case store.EqualParts && l.First != l.Chunk:
		return fault.New(fault.Unprocessable, "The object store of this installation takes chunks of one size alone.", fault.Field("first_chunk_size"))
	default:
		return nil
	}
}

// smallest gives the smallest chunk of which most make up size, or the largest that there is.
func smallest(size int64, most int) int64 {
	chunk := int64(MinChunk)
	for chunk < MaxChunk && (size+chunk-1)/chunk > int64(most) {
		chunk *= 2
	}
	return chunk
}

// SizeOf gives the bytes of chunk n, from 0 to Count-1.
func (l Layout) SizeOf(n int) int64 { return l.Offset(n+1) - l.Offset(n) }

// Offset is where in the file chunk n begins; that of Count is the file's size.
func (l Layout) Offset(n int) int64 {
	if n == 0 {
		return 0
	}
	return min(l.First+int64(n-1)*l.Chunk, l.Size)
}
