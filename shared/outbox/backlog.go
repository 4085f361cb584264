package outbox

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Backlog shows, as metrics, what the trail of all tenants still has to be done with. sweep measures it each minute.
type Backlog struct {
	db      *postgres.DB
	oldest  prometheus.Gauge
	letters prometheus.Gauge
}

// NewBacklog returns a Backlog and registers its metrics, which are zero until Measure sets them.
func NewBacklog(e *env.Env, db *postgres.DB) (*Backlog, error) {
	b := &Backlog{db: db.As(postgres.Sweep)}
	for metric, options := range map[*prometheus.Gauge]prometheus.GaugeOpts{
		&b.oldest: {
			Name: "maas_events_oldest_seconds",
			Help: "Age of the oldest event that a consumer has not acted on; 0 where there is none.",
		},
		&b.letters: {Name: "maas_dead_letters", Help: "Dead letters that nobody has replayed."},
	} {
		registered, err := telemetry.Register(e, prometheus.NewGauge(options))
		if err != nil {
			return nil, err
		}
		*metric = registered
	}
	return b, nil
}

// Measure sets the metrics from the rows of all tenants.
func (b *Backlog) Measure(ctx context.Context) error {
	return b.db.Definer(ctx, func(tx postgres.Tx) error {
		oldest, letters, err := readBacklog(ctx, tx)
		if err != nil {
			return err
		}
		b.oldest.Set(oldest)
		b.letters.Set(float64(letters))
		return nil
	})
}
