package allowance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/allowance"
)

func TestTheEnvironmentHasWhatIsBounded(t *testing.T) {
	t.Parallel()
	text := func(a allowance.Allowance) string {
		var all []string
		for _, v := range a.Variables() {
			all = append(all, v.Name+"="+v.Value)
		}
		return strings.Join(all, " ")
	}
	cases := map[string]allowance.Allowance{
		"MAAS_ALLOWED_MEMORY=1024 MAAS_ALLOWED_LOAD=30s GOMAXPROCS=2": {Memory: 1024, CPU: 1500, Load: 30 * time.Second},
		"MAAS_ALLOWED_MEMORY=0 MAAS_ALLOWED_LOAD=0s":                  {},
	}
	for want, a := range cases {
		if got := text(a); got != want {
			t.Errorf("%+v is %q, want %q", a, got, want)
		}
	}
}

func TestWhatWasExceededIsNamedWithItsLimitAndSetting(t *testing.T) {
	t.Parallel()
	a := allowance.Allowance{Memory: 1536 << 20, Load: 30 * time.Second}
	for limit, wants := range map[allowance.Limit][]string{
		allowance.Memory: {"needed more memory than the 1.5 GiB", "resources.memory", "MAAS_MODEL_MEMORY_BASE"},
		allowance.Load:   {"needed more CPU time to load than the 30s", "MAAS_MODEL_LOAD"},
	} {
		for _, want := range wants {
			if said := a.Exceeded(limit); !strings.Contains(said, want) {
				t.Errorf("it says %q, and not %q", said, want)
			}
		}
	}
}

func TestSizesAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{256 << 20: "256 MiB", 1 << 30: "1 GiB", 5<<30 + 512<<20: "5.5 GiB", 100 << 10: "0.1 MiB"} {
		if got := allowance.Bytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}
