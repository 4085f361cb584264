package openinference

import (
	"math"
	"testing"
)

func TestFP16SurvivesBothWays(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		v := float64(fromFP16(uint16(h)))
		if math.IsNaN(v) {
			if back := toFP16(v); back&0x7fff <= 0x7c00 {
				t.Errorf("%#04x is no number, and became %#04x", h, back)
			}
			continue
		}
		if back := toFP16(v); back != uint16(h) {
			t.Errorf("%#04x is %g, and became %#04x", h, v, back)
		}
	}
}

func TestFP16RoundsToTheNearestTiesToEven(t *testing.T) {
	t.Parallel()
	tests := map[float64]uint16{
		1 + 0x1p-11:          0x3c00, // halfway between 1 and the next: to the even one
		1 + 3*0x1p-11:        0x3c02,
		1 + 0x1p-11 + 0x1p-9: 0x3c02,
		2 - 0x1p-12:          0x4000, // the mantissa carries
		0x1p-25:              0x0000,
		3 * 0x1p-25:          0x0002,
		0x1p-14 - 0x1p-26:    0x0400, // the largest subnormal's neighbour
		65_519:               0x7bff,
		65_520:               0x7c00,
		math.Inf(-1):         0xfc00,
	}
	for v, want := range tests {
		if got := toFP16(v); got != want {
			t.Errorf("%g became %#04x, want %#04x", v, got, want)
		}
	}
}
