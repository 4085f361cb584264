package usage

import (
	"context"
	"time"

	"github.com/17882237881/MaaS/shared/postgres"
)

// keptDays is for how long single calls are kept; their sums stay. What is older is refused by usage_day, so that nothing is counted anew.
const keptDays = 45

// Trim deletes the single calls of days more than keptDays ago, of all tenants. Their sums stay. Sweep calls it.
func Trim(ctx context.Context, db *postgres.DB) error {
	before := time.Now().UTC().AddDate(0, 0, -keptDays)
	return db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		return dropDays(ctx, tx, before)
	})
}
