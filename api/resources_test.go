package api

import (
	"math"
	"testing"
)

func TestQuantitiesAreThousandths(t *testing.T) {
	t.Parallel()
	for text, want := range map[Quantity]int64{
		"": 0, "500m": 500, "2": 2000, "1.5": 1500, "1Ki": 1024_000, "1.5Gi": 1536 << 20 * 1000, "3k": 3_000_000, "1M": 1e9, "2G": 2e12, "1T": 1e15,
		"999999999Ti": math.MaxInt64,
	} {
		if got := text.Thousandths(); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}
