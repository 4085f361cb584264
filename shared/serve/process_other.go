//go:build !linux

package serve

import "time"

// processStart returns false: when the process began is not known here.
func processStart() (time.Time, bool) { return time.Time{}, false }
