package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
	"github.com/17882237881/MaaS/shared/share"
)

// TestACallerWithManyTransactionsDelaysOthersLittle starts ten times as many transactions for one caller as there are connections. Another caller's
// transaction must run before most of them.
func TestACallerWithManyTransactionsDelaysOthersLittle(t *testing.T) {
	t.Parallel()
	const connections, many = 4, 40
	db := postgrestest.New(t).As(postgres.Catalog)
	greedy := share.With(t.Context(), share.Holder{Tenant: "greedy", Credential: "key:1"})
	var begun, ended atomic.Int64
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			err := db.Tx(greedy, uuid.New(), func(tx postgres.Tx) error {
				begun.Add(1)
				_, err := tx.Exec(greedy, "select pg_sleep(0.05)")
				return err
			})
			if err != nil {
				t.Error(err)
			}
			ended.Add(1)
		})
	}
	for begun.Load() < connections {
		time.Sleep(time.Millisecond)
	}
	before := ended.Load()
	modest := share.With(t.Context(), share.Holder{Tenant: "modest", Credential: "key:2"})
	err := db.Tx(modest, uuid.New(), func(postgres.Tx) error {
		if n := ended.Load() - before; n > many/2 { // without shares, all that wait would go before
			t.Errorf("%d transactions of another caller went before", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	all.Wait()
}
