package deployment

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Spec is all that a host needs to start a version.
type Spec struct {
	Tenant    uuid.UUID
	VersionID uuid.UUID
	Version   string          // "acme/fraud@1.4.0"
	Model     string          // "acme/fraud": what its server is asked for
	Manifest  string          // maas://<bucket>/t/<tenant>/manifests/<digest>
	Runtime   string          // "maas-onnx"
	Format    string          // "onnx"
	Size      int64           // bytes of all its files
	Resources json.RawMessage // catalog.Resources: cpu, memory, gpu
	Scale     api.Scale
	Status    api.DeploymentStatus // as it was when the host was asked
	Warm      bool                 // to be kept from going idle: an alias left it within the guard window, and may be rolled back to it

	RetryAt time.Time // its last start failed for a passing reason, and the next is not to begin before this time; else zero
	Again   bool      // it was asked for since its start failed
}

// Waits reports whether a host should not start the version yet, because its last start failed a short time ago.
func (s Spec) Waits() bool { return time.Now().Before(s.RetryAt) }

// slowest is the least rate, in bytes a second, at which files are expected to be fetched, checked and loaded: a fifth of a link of 1 Gbit/s.
const slowest = 25 << 20

// StartTime returns the longest that a start may take: atLeast, and a second more for each 25 MiB of the version's files.
func (s Spec) StartTime(atLeast time.Duration) time.Duration {
	return atLeast + time.Duration(s.Size/slowest)*time.Second
}

// SpecOf returns what a host needs to start a version, without Status and Warm. It fails with NotFound if the version is gone, and with Gone if it
// is not to be served.
func (d *Deployments) SpecOf(ctx context.Context, tenant, version uuid.UUID) (s Spec, err error) {
	err = d.db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		s, err = spec(ctx, tx, version)
		return err
	})
	return s, err
}
