package fault

import (
	"maps"
	"slices"
)

// Kinds lists all kinds.
func Kinds() []Kind { return slices.Collect(maps.Keys(kinds)) }

// Readers counts the kinds as which a client reads the code.
func Readers(code uint32) (n int) {
	for _, known := range kinds {
		if slices.Contains(known.from, code) {
			n++
		}
	}
	return n
}
