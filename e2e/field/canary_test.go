//go:build !cluster

package field

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestWideningACanaryMovesOnlyTheDifference widens one past one half, where all sessions would change sides if they were laid out by weight.
func TestWideningACanaryMovesOnlyTheDifference(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	model := u.Of("digits")
	u.Serve("digits")
	u.Maas("push", model+"@1.1.0", e2etest.Data("digits-v2.onnx")).OK()
	u.Maas("publish", model+"@1.1.0").OK()
	s := u.Site()
	split := func(stable, canary int) {
		body := fmt.Sprintf(`{"traffic":[{"version":"1.0.0","weight":%d},{"version":"1.1.0","weight":%d}]}`, stable, canary)
		s.Must(functiontest.Request{Method: http.MethodPut, Path: "/v1/models/" + model + "/aliases/canary", Token: s.Token, Body: body}, http.StatusOK, nil)
	}
	call := func(header map[string]string) string {
		return s.Must(functiontest.Request{
			Method: http.MethodPost, Path: "/v2/models/" + model + "/versions/canary/infer", Token: s.Token, Header: header,
			Body: string(e2etest.Content(t, "digits-request.json")),
		}, http.StatusOK, nil).Header.Get("X-Model-Version")
	}
	const sessions = 62
	versions := func() (all [sessions]string) {
		for i := range all {
			all[i] = call(map[string]string{"X-Session": fmt.Sprintf("user-%d", i)})
		}
		return all
	}

	split(60, 40)
	before, again := versions(), versions()
	split(40, 60)
	after := versions()

	moved := 0
	for i := range before {
		if before[i] != again[i] {
			t.Errorf("session %d goes to %s and then to %s", i, before[i], again[i])
		}
		if before[i] != after[i] {
			moved++
		}
	}
	if moved == 0 || moved > sessions/2 { // 12 are expected
		t.Errorf("from 60/40 to 40/60, %d of %d sessions move", moved, sessions)
	}
	alone := map[string]int{}
	for range sessions {
		alone[call(nil)]++
	}
	if len(alone) != 2 { // one version alone has a chance of 10^-14
		t.Errorf("calls without a session go to %v", alone)
	}
}
