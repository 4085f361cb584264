package telemetry_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

func TestAPoolIsSeenInTheMetrics(t *testing.T) {
	t.Parallel()
	e := newEnv(t, nil)
	tel := open(t, e)
	pool := share.NewPool(share.Limit{Most: 8, Noun: "streams", Setting: "MAAS_STREAMS"})
	for range 2 { // functions in one process share it
		if err := telemetry.RegisterShare(e, "streams", pool.Stats); err != nil {
			t.Fatal(err)
		}
	}
	held := pool.Loan(share.Holder{Tenant: "a"})
	if err := held.Take(2); err != nil {
		t.Fatal(err)
	}
	_ = held.Take(1)

	seen := scrape(t, tel)

	for _, line := range []string{
		`maas_share_limit{pool="streams"} 8`,
		`maas_share_used{pool="streams"} 2`,
		`maas_share_holders{pool="streams"} 1`,
		`maas_share_refusals_total{pool="streams",used_up="credential"} 1`,
		`maas_share_refusals_total{pool="streams",used_up="tenant"} 0`,
	} {
		if !strings.Contains(seen, line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, seen)
		}
	}
}
