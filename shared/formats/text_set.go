package formats

import "hash/maphash"

// textSet is a set of texts of which only hashes are kept: there may be many, and long ones. Two texts of a file have the same hash hardly ever, and
// nobody can choose them so, as the seed is random.
type textSet struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newTextSet() textSet { return textSet{maphash.MakeSeed(), map[uint64]struct{}{}} }

// add adds a text and reports whether it was not in the set before.
func (s textSet) add(text string) bool {
	hash := maphash.String(s.seed, text)
	_, seen := s.seen[hash]
	s.seen[hash] = struct{}{}
	return !seen
}
