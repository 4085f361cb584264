package openinference

import "math"

// toFP16 returns v as an IEEE 754 binary16, rounded to the nearest, ties to even. What is too large becomes an infinity.
func toFP16(v float64) uint16 {
	sign := uint16(math.Float64bits(v)>>48) & 0x8000
	v = math.Abs(v)
	switch {
	case math.IsNaN(v):
		return sign | 0x7e00
	case v >= 65_520: // halfway between the largest number, 65,504, and the next power of two
		return sign | 0x7c00
	case v < 0x1p-14: // subnormal: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(v*0x1p24))
	}
	fraction, exponent := math.Frexp(v)                       // fraction in [0.5, 1)
	mantissa := uint16(math.RoundToEven(fraction * 2048))     // 1024 to 2048; the latter carries into the exponent below
	return sign | (uint16(exponent+14)<<10 + mantissa - 1024) //nolint:gosec // 1 to 30
}

// fromFP16 returns the exact value of an IEEE 754 binary16.
func fromFP16(h uint16) float32 {
	exponent, mantissa := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch {
	case exponent == 0:
		v = mantissa * 0x1p-24
	case exponent < 0x1f:
		v = math.Ldexp(1024+mantissa, exponent-25)
	case mantissa == 0:
		v = math.Inf(1)
	default:
		v = math.NaN()
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return float32(v)
}
