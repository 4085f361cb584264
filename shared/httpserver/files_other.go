//go:build !unix

package httpserver

import "math"

// maxFiles returns how many files the process may have open: there is no such limit here.
func maxFiles() uint64 { return math.MaxUint64 }
