package transfer

import (
	"fmt"
	"math/bits"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/objects"
)

// NewLayout returns how a file of the size is cut into chunks. If chunk is 0 it takes the smallest size of chunks whose number the store accepts; if first
// is 0 the first chunk is as long as the others. It fails with Invalid for sizes outside the bounds, and with Unprocessable if the store does not take the
// parts.
func NewLayout(size, chunk, first int64, store objects.Profile) (api.Layout, error) {
	if chunk == 0 {
		chunk = smallest(size, store.MaxParts)
	}
	if first == 0 {
		first = chunk
	}
	l := api.Layout{Size: size, Chunk: chunk, First: first}
	if err := checkLayout(l, store); err != nil {
		return api.Layout{}, err
	}
	l.Count = 1
	if size > first {
		l.Count += int((size - first + chunk - 1) / chunk)
	}
	if l.Count > store.MaxParts {
		return api.Layout{}, fault.New(fault.Unprocessable, fmt.Sprintf(
			"A file of %d bytes has %d chunks of %d; at most %d are taken.", size, l.Count, chunk, store.MaxParts), fault.Field("chunk_size"))
	}
	return l, nil
}

// checkLayout fails with Invalid if the chunk is no power of two or a size is outside the bounds, and with Unprocessable if the first chunk is longer
// although the store takes chunks of one size only.
func checkLayout(l api.Layout, store objects.Profile) error {
	switch {
	case l.Chunk < api.MinChunk || l.Chunk > api.MaxChunk || bits.OnesCount64(uint64(l.Chunk)) != 1:
		return fault.New(fault.Invalid, fmt.Sprintf("A chunk_size is a power of two from %d to %d bytes.", api.MinChunk, api.MaxChunk), fault.Field("chunk_size"))
	case l.First < l.Chunk || l.First > api.MaxFirstChunk:
		return fault.New(fault.Invalid, fmt.Sprintf("A first_chunk_size is from the chunk size, %d, to %d bytes.", l.Chunk, api.MaxFirstChunk),
			fault.Field("first_chunk_size"))
	case store.EqualParts && l.First != l.Chunk:
		return fault.New(fault.Unprocessable, "The object store of this installation takes chunks of one size alone.", fault.Field("first_chunk_size"))
	default:
		return nil
	}
}

// smallest returns the smallest chunk size, a power of two from MinChunk on, that cuts size bytes into no more than most chunks. It returns MaxChunk if
// there is none.
func smallest(size int64, most int) int64 {
	chunk := int64(api.MinChunk)
	for chunk < api.MaxChunk && (size+chunk-1)/chunk > int64(most) {
		chunk *= 2
	}
	return chunk
}
