package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
)

// RegisterShare adds the metrics of a share.Pool to the process's, as maas_share_… with the label pool: its limit, what is held, how many credentials hold
// something, and what was refused because the whole, a tenant's share or a credential's share was used up.
func RegisterShare(e *env.Env, pool string, stats func() share.Stats) error {
	_, err := Register(e, newShareCollector(pool, stats))
	return err
}

type shareCollector struct {
	stats                          func() share.Stats
	limit, used, holders, refusals *prometheus.Desc
}

func newShareCollector(pool string, stats func() share.Stats) *shareCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("maas_share_"+name, help, labels, prometheus.Labels{"pool": pool})
	}
	return &shareCollector{
		stats:    stats,
		limit:    describe("limit", "The most that callers may hold of the pool together."),
		used:     describe("used", "What callers hold of the pool."),
		holders:  describe("holders", "Credentials that hold something of the pool."),
		refusals: describe("refusals_total", "Refusals, by what was used up.", "used_up"),
	}
}

// Describe implements prometheus.Collector.
func (c *shareCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.limit, c.used, c.holders, c.refusals} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *shareCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	to <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(s.Limit))
	to <- prometheus.MustNewConstMetric(c.used, prometheus.GaugeValue, float64(s.Used))
	to <- prometheus.MustNewConstMetric(c.holders, prometheus.GaugeValue, float64(s.Holders))
	for what, n := range map[string]uint64{"whole": s.Refusals.Whole, "tenant": s.Refusals.Tenant, "credential": s.Refusals.Credential} {
		to <- prometheus.MustNewConstMetric(c.refusals, prometheus.CounterValue, float64(n), what)
	}
}
