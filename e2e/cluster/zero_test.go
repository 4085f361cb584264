//go:build cluster

package cluster

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// idle is how long it may take until the last pod has gone: Knative's stable window (60 s) and grace (30 s), thrice over, since infer keeps
// api-keys awake, and a model's end wakes deploy-version.
const idle = 5 * time.Minute

// TestEachFunctionAndAModelScaleToZeroAndBack leaves the installation alone until no function has a pod, nor the model. Then each function is
// asked for something, and the model is called.
func TestEachFunctionAndAModelScaleToZeroAndBack(t *testing.T) { //nolint:paralleltest // nobody else may call
	u := register(t)
	u.Serve("digits")
	key := u.Key("inference:execute")
	client := inside(t)
	awaitZero(t, names(), u.Tenant)

	for _, name := range names() {
		began := time.Now()
		if answer := asked(t, client, firstRoute(t, name)); answer != "" {
			t.Errorf("%s from zero: %s", name, answer)
		}
		t.Logf("%s answers from zero after %s", name, time.Since(began).Round(time.Millisecond))
		if name != "sweep" && len(pods(t, functions, of(name))) == 0 {
			t.Errorf("%s has no pod after its answer", name)
		}
	}

	answer := u.Site().Do(functiontest.Request{
		Method: http.MethodPost, Path: "/v2/models/" + u.Of("digits") + "/infer", Token: key, Body: string(e2etest.Content(t, "digits-request.json")),
	})
	if answer.Status != http.StatusOK {
		t.Errorf("the model from zero: %d: %s", answer.Status, answer.Body)
	}
	t.Logf("the model answers from zero; X-Cold-Start-Ms: %s", answer.Header.Get("X-Cold-Start-Ms"))
}

// awaitZero waits until there is no pod of the functions, nor of a tenant's models. sweep's come and go: it is woken each minute, and
// keeps the pods of a model that an alias has left less than ten minutes ago.
func awaitZero(t testing.TB, functionsToo []string, tenant string) {
	t.Helper()
	await(t, "no pod of the functions and the models", idle, func() (string, bool) {
		all := pods(t, models, "maas.dev/tenant="+tenant)
		for _, p := range pods(t, functions, "serving.knative.dev/service") {
			if p.service() != "sweep" && slices.Contains(functionsToo, p.service()) {
				all = append(all, p)
			}
		}
		time.Sleep(time.Second) // what kubectl takes, the pods need to end
		return fmt.Sprint(all), len(all) == 0
	})
}

// firstRoute returns the one that a function is asked by.
func firstRoute(t testing.TB, function string) httpapi.Route {
	t.Helper()
	all := httpapi.Routes()
	i := slices.IndexFunc(all, func(r httpapi.Route) bool { return r.Function == function })
	if i < 0 {
		t.Fatalf("function %s has no route", function)
	}
	return all[i]
}

// asked sends a request without a credential, by the gateway or, where that leads to no event function, from inside. It tells what is wrong
// about the answer.
func asked(t testing.TB, client *http.Client, route httpapi.Route) string {
	t.Helper()
	method, path, _ := strings.Cut(route.Pattern, " ")
	site, want := e2etest.Visit(t, server()), http.StatusUnauthorized
	body := map[bool]string{true: "{}"}[method != http.MethodGet]
	switch {
	case route.Events:
		site.URL, site.Client = local(route.Function), client
		method, path, body, want = http.MethodGet, "/health/readiness", "", http.StatusOK
	case route.Permission == api.Public && method == http.MethodGet:
		want = http.StatusOK
	case route.Permission == api.Public:
		want = http.StatusBadRequest
	}
	answer := site.Do(functiontest.Request{Method: method, Path: path, Body: body})
	if answer.Status == want {
		return ""
	}
	return fmt.Sprintf("%s is answered %d, want %d: %s", route.Pattern, answer.Status, want, answer.Body)
}
