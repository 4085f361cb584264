package deployment

import "slices"

// Follows reports whether the state machine has the step; staying is one.
func Follows(from, to Status) bool { return from == to || slices.Contains(nexts[from], to) }
