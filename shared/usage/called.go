package usage

import (
	"slices"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
)

// Called returns the versions that a batch's calls went to, by tenant.
func Called(batch event.InferenceCompleted) map[uuid.UUID][]uuid.UUID {
	versions := map[uuid.UUID][]uuid.UUID{}
	for i := range batch.Calls {
		tenant, version := uuid.UUID(batch.Calls[i].Tenant), uuid.UUID(batch.Calls[i].VersionID)
		if !slices.Contains(versions[tenant], version) {
			versions[tenant] = append(versions[tenant], version)
		}
	}
	return versions
}
