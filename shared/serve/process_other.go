//go:build !linux

package serve

import "time"

// processStart is not known here: no cluster runs on such a system.
func processStart() (time.Time, bool) { return time.Time{}, false }
