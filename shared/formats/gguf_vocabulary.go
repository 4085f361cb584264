package formats

import (
	"encoding/binary"
	"regexp"
)

// vocabulary makes sure that the lists of tokens, of their types and scores belong together: llama.cpp takes the latter two for as long as the
// first, without a look (src/llama-vocab.cpp).
func (r *ggufReading) vocabulary() error {
	tokens, ok := r.values[ggufTokens]
	if ok && (!tokens.list || tokens.kind != ggufString) {
		return malformed(tokens.at, "has tokens that are no list of texts")
	}
	for key, kind := range map[string]uint32{ggufTokenTypes: ggufInt32, ggufScores: ggufFloat32} {
		value, ok := r.values[key]
		switch {
		case !ok:
		case !value.list || value.kind != kind && (kind != ggufInt32 || value.kind != ggufUint32):
			return malformed(value.at, "has another type of values for the key %s than it has to have", shorten(key))
		case value.count != tokens.count:
			return malformed(value.at, "has %d values for the key %s, and %d tokens", value.count, shorten(key), tokens.count)
		}
	}
	if types, ok := r.values[ggufTokenTypes]; ok {
		return r.byteTokens(tokens, types)
	}
	return nil
}

// ggufByteToken is the text of a token that stands for a byte.
var ggufByteToken = regexp.MustCompile(`^<0x[0-9A-Fa-f]{2}>$`)

// byteTokens makes sure that each token of the type byte is one: llama.cpp takes the byte out of the text without a look, and ends with an exception
// or another byte (llama-vocab.cpp, token_to_byte).
func (r *ggufReading) byteTokens(tokens, types ggufValue) error {
	const (
		isByte = 6 // llama.h, LLAMA_TOKEN_TYPE_BYTE
		step   = windowSize / 4
	)
	r.at = tokens.at
	for first := int64(0); first < types.count; first += step {
		window, err := r.peek(types.at+4*first, int(4*min(step, types.count-first)))
		if err != nil {
			return err
		}
		kinds := append([]byte(nil), window...)
		for ; len(kinds) > 0; kinds = kinds[4:] {
			at := r.at
			length, err := r.length("a token")
			if err != nil {
				return err
			}
			r.at += length
			if binary.LittleEndian.Uint32(kinds) != isByte {
				continue
			}
			text, err := r.peek(r.at-length, int(min(length, maxName)))
			if err != nil {
				return err
			}
			if !ggufByteToken.Match(text) {
				return malformed(at, "has the token %s, which is said to be a byte and is not; a byte is written like <0x0A>", shorten(string(text)))
			}
		}
	}
	return nil
}
