package push

import (
	"github.com/17882237881/MaaS/api"
)

// Silent is a Progress that tells nobody.
type Silent struct{}

// Begin implements Progress.
func (Silent) Begin(string, int64, int64) {}

// Sent implements Progress.
func (Silent) Sent(int64) {}

// Phase implements Progress.
func (Silent) Phase(api.UploadPhase, float64) {}

// End implements Progress.
func (Silent) End() {}
