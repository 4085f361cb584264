package host

import "context"

// Sweep makes the clock tick now.
func (h *Host) Sweep(ctx context.Context) error { return h.sweep(ctx) }
