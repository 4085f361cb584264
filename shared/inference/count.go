package inference

import (
	"context"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// count records a call in the metrics and the metering journal, with the status that err stands for; nil is 200. It does nothing if the report has
// no version.
func (g *Gateway) count(ctx context.Context, c *call, r *report, bytesOut int64, err error) {
	if r.version == nil {
		return
	}
	status := http.StatusOK
	if err != nil {
		status = fault.KindOf(err).Status()
	}
	now := time.Now()
	g.metrics.observe(r, status, now)
	g.meter.Count(event.InferenceCall{
		Time: now.UTC(), Tenant: api.ID(c.who.Tenant), Request: telemetry.RequestID(ctx), Actor: c.holder.Credential,
		Model: c.target.Model, Version: r.version.Version, VersionID: api.ID(r.version.ID),
		Status: status, Cached: r.cache == cacheHit || r.cache == cacheShared,
		Total: now.Sub(r.began).Microseconds(), Queue: r.queue.Microseconds(), ColdStart: r.cold.Microseconds(), Compute: r.compute.Microseconds(),
		BytesIn: c.size, BytesOut: bytesOut,
	})
}
