//go:build !unix

package httpserver

import "math"

// maxFiles returns math.MaxUint64: how many files the process may have open is not known here.
func maxFiles() uint64 { return math.MaxUint64 }
