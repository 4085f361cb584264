package identity

import (
	"net/netip"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

func TestTheWaitGrowsWithEachFailure(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Identity)
	account, address := throttleOf(accountThrottle, "a"), throttleOf(addressThrottle, "b")
	fail := func() time.Duration {
		err := db.Definer(t.Context(), func(tx postgres.Tx) error { return failed(t.Context(), tx, account, address) })
		if err != nil {
			t.Fatal(err)
		}
		err = db.Definer(t.Context(), func(tx postgres.Tx) error { return waitFor(t.Context(), tx, account, address) })
		if err == nil {
			return 0
		}
		faulttest.AssertKind(t, err, fault.RateLimited)
		return fault.From(err).RetryAfter
	}
	for i, want := range []int{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60} {
		if got := fail(); seconds(got) != want {
			t.Errorf("after %d failures the wait is %v, want %d s", i+1, got, want)
		}
	}
}

func TestFailuresAreForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	account := throttleOf(accountThrottle, "a")
	var count int
	err := db.As(postgres.Identity).Definer(t.Context(), func(tx postgres.Tx) error {
		for range 2 {
			if err := failed(t.Context(), tx, account); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `update throttles set counted = counted - interval '16 minutes'`); err != nil {
				return err
			}
		}
		return tx.QueryRow(t.Context(), `select count from throttles`).Scan(&count)
	})
	if err != nil || count != 1 {
		t.Errorf("the count is %d, %v", count, err)
	}
}

func TestAnAddressRegistersAHundredAMinute(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Identity)
	register := func(address string) error {
		return db.Definer(t.Context(), func(tx postgres.Tx) error {
			return countRegistration(t.Context(), tx, netip.MustParseAddr(address))
		})
	}
	for range registerMinute {
		if err := register("2001:db8::1"); err != nil {
			t.Fatal(err)
		}
	}
	faulttest.AssertKind(t, register("2001:db8::2"), fault.RateLimited) // the same subscriber
	if err := register("2001:db8:0:1::1"); err != nil {
		t.Errorf("another subscriber is refused: %v", err)
	}
	err := db.Definer(t.Context(), func(tx postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `update throttles set until = now()`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := register("2001:db8::1"); err != nil {
		t.Errorf("a minute later it is refused: %v", err)
	}
}
