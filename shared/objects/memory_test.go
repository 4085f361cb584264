package objects_test

import (
	"crypto/sha256"
	"io"
	"runtime"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

//nolint:paralleltest // it measures what the whole process takes: alone, before the parallel tests go on
func TestMemoryDoesNotGrowWithThePart(t *testing.T) {
	w := newWorld(t)
	m := w.begin()
	const size, most = 512 << 20, 32 << 20
	sum := sha256.New()
	_, err := io.CopyN(sum, zeros{}, size)
	w.must(err)
	part := objects.Part{Number: 1, Size: size, SHA256: ref.DigestOf(sum.Sum(nil))}
	before := taken()

	_, err = w.PutPart(t.Context(), m, part, zeros{})
	w.must(err)

	if grown := taken() - before; grown > most {
		t.Errorf("a part of %d MiB took %d MiB of memory, want %d at most", size>>20, grown>>20, most>>20)
	}
}

// taken returns what the process has taken from the system so far, in bytes. It never shrinks.
func taken() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Sys
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
