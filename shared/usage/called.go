package usage

import (
	"slices"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/event"
)

// Called gives the versions that a batch's calls went to, by tenant.
func Called(batch event.InferenceCompleted) map[uuid.UUID][]uuid.UUID {
	versions := map[uuid.UUID][]uuid.UUID{}
	for i := range batch.Calls {
		call := &batch.Calls[i]
		if !slices.Contains(versions[call.Tenant], call.VersionID) {
			versions[call.Tenant] = append(versions[call.Tenant], call.VersionID)
		}
	}
	return versions
}
