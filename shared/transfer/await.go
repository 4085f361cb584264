package transfer

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/shared/auth"
)

// looks returns the backoff between two polls of an upload's status.
func looks() backoff.Backoff {
	return backoff.Backoff{First: 250 * time.Millisecond, Longest: 2 * time.Second}
}

// await polls an upload until it has ended or patience is over, and returns it as it is then. It polls at least once. It fails with NotFound if there is no
// such upload, and with ctx's error if ctx ends first.
func (t *Transfers) await(ctx context.Context, who auth.Principal, id uuid.UUID, patience time.Duration) (api.Upload, error) {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pauses := looks(); ; {
		u, err := t.Find(ctx, who, api.GetUploadRequest{ID: api.ID(id)})
		if err != nil || u.Status.Ended() || patient.Err() != nil {
			return u, err
		}
		if err := pauses.Wait(patient); err != nil && ctx.Err() != nil {
			return u, ctx.Err()
		}
	}
}
