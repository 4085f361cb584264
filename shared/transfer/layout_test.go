package transfer_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/transfer"
)

const gib = 1 << 30

func amazon() objects.Profile {
	return objects.Profile{MinPart: 5 << 20, MaxPart: 5 * gib, MaxParts: 10_000}
}

func TestTheSmallestChunkIsChosenThatTheStoreTakes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		size, chunk int64
		count       int
	}{
		{1, 8 << 20, 1},
		{8 << 20, 8 << 20, 1},
		{8<<20 + 1, 8 << 20, 2},
		{10_000 * 8 << 20, 8 << 20, 10_000},
		{10_000*8<<20 + 1, 16 << 20, 5_001},
		{100 * gib, 16 << 20, 6_400},
		{4_000 * gib, 512 << 20, 8_000},
	}
	for _, c := range cases {
		l, err := transfer.NewLayout(c.size, 0, 0, amazon())
		if err != nil || l.Chunk != c.chunk || l.Count != c.count {
			t.Errorf("%d bytes: %+v (%v), want %d chunks of %d", c.size, l, err, c.count, c.chunk)
		}
	}
}

func TestAStoreMayTakeFewerPartsOrEqualOnesAlone(t *testing.T) {
	t.Parallel()
	few, equal := amazon(), amazon()
	few.MaxParts, equal.EqualParts = 1_000, true

	if l, err := transfer.NewLayout(gib*100, 0, 0, few); err != nil || l.Chunk != 128<<20 || l.Count != 800 {
		t.Errorf("%+v (%v)", l, err)
	}
	_, err := transfer.NewLayout(gib, 8<<20, 9<<20, equal)
	faulttest.AssertKind(t, err, fault.Unprocessable, "first_chunk_size")
	_, err = transfer.NewLayout(gib*100, 8<<20, 0, few)
	faulttest.AssertKind(t, err, fault.Unprocessable, "chunk_size")
	_, err = transfer.NewLayout(1<<62, 0, 0, few)
	faulttest.AssertKind(t, err, fault.Unprocessable, "chunk_size")
}

func TestChunksCoverTheFileWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chunk := int64(api.MinChunk) << rapid.IntRange(0, 6).Draw(t, "chunk")
		first := rapid.Int64Range(chunk, max(gib, chunk)).Draw(t, "first")
		size := rapid.Int64Range(1, 100*gib).Draw(t, "size")
		l, err := transfer.NewLayout(size, chunk, first, amazon())
		if fault.Is(err, fault.Unprocessable) && size > 10_000*chunk {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var at int64
		for n := range l.Count {
			got := l.SizeOf(n)
			if l.Offset(n) != at || got < 1 || n == 0 && got > first || n > 0 && got > chunk || n > 0 && n < l.Count-1 && got != chunk {
				t.Fatalf("chunk %d of %+v has %d bytes from %d on", n, l, got, l.Offset(n))
			}
			at += got
		}
		if at != size {
			t.Fatalf("the chunks of %+v have %d bytes", l, at)
		}
	})
}
