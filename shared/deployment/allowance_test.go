package deployment_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
)

const mebi = 1 << 20

// rule returns the rule that an operator's variables make.
func rule(vars map[string]string) (deployment.AllowanceRule, error) {
	return deployment.OpenAllowanceRule(env.New("test", vars, slog.New(slog.DiscardHandler)))
}

func TestAnAllowanceFollowsFromTheSizeAndFromWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	small := map[string]string{
		"MAAS_MODEL_MEMORY_BASE": "268435456", "MAAS_MODEL_MEMORY_LARGEST": "1073741824", "MAAS_MODEL_CPU": "500m", "MAAS_MODEL_CPU_LARGEST": "2",
	}
	cases := []struct {
		vars  map[string]string
		size  int64
		asked string
		want  allowance.Allowance
	}{
		{nil, 0, "", allowance.Allowance{Memory: 2048 * mebi, Load: 30 * time.Second}},
		{nil, 400 * mebi, "{}", allowance.Allowance{Memory: 3648 * mebi, Load: 130 * time.Second}},
		{nil, 400 * mebi, `{"memory": "3Gi", "cpu": "2"}`, allowance.Allowance{Memory: 3072 * mebi, CPU: 2000, Load: 130 * time.Second}},
		{nil, 0, `{"memory": "500m"}`, allowance.Allowance{Memory: 64 * mebi, Load: 30 * time.Second}},
		{small, 4 * mebi, "", allowance.Allowance{Memory: 272 * mebi, CPU: 500, Load: 31 * time.Second}},
		{small, 0, `{"memory": "999999999Ti", "cpu": "64"}`, allowance.Allowance{Memory: 1024 * mebi, CPU: 2000, Load: 30 * time.Second}},
		{small, 100 << 30, "", allowance.Allowance{Memory: 1024 * mebi, CPU: 500, Load: 25630 * time.Second}},
	}
	for _, c := range cases {
		r, err := rule(c.vars)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.For(deployment.Spec{Size: c.size, Resources: json.RawMessage(c.asked)})
		if err != nil || got != c.want {
			t.Errorf("%d bytes that ask for %s are given %+v, %v, want %+v", c.size, c.asked, got, err, c.want)
		}
	}
}

func TestAnAllowanceThatStartsNoModelServerIsRefused(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"MAAS_MODEL_MEMORY_BASE": "1024", "MAAS_MODEL_MEMORY_LARGEST": "1", "MAAS_MODEL_MEMORY_FACTOR": "0.5", "MAAS_MODEL_LOAD": "1ms", "MAAS_MODEL_CPU": "many",
	} {
		if _, err := rule(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) && name != "MAAS_MODEL_CPU" {
			t.Errorf("%s=%s: error is %v", name, value, err)
		}
	}
}
