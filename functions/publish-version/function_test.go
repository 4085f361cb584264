package function

import (
	"maps"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/objectstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const path = "/v1/models/acme/fraud/versions/"

func start(t *testing.T) (*catalogtest.World, *functiontest.Function) {
	t.Helper()
	w := catalogtest.New(t)
	vars := maps.Clone(w.Vars)
	maps.Copy(vars, objectstest.Environment(t))
	return w, functiontest.Start(t, "publish-version", New(), vars)
}

func TestADraftIsPublishedAndItsDeploymentAskedFor(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	w.Draft(w.Model("fraud"), "1.0.0", "model.onnx")
	in := functiontest.Request{
		Method: http.MethodPost, Path: path + "1.0.0/publish", Token: w.Token(w.Owner),
		Body: `{"changelog":"first","aliases":["production"],"resources":{"cpu":"500m","memory":"1Gi"},"min_replicas":1,"deterministic":true}`,
	}
	in.Header = map[string]string{"Idempotency-Key": "one"}
	var v api.Version
	f.Must(in, http.StatusAccepted, &v)
	if v.Status != api.VersionPublished || v.Digest.IsZero() || v.Resources.CPU != "500m" || v.MinReplicas != 1 || !v.Deterministic {
		t.Errorf("%+v", v)
	}
	f.Must(in, http.StatusAccepted, &v)
	w.AssertWrote(event.VersionPublished{}, 1)
	in.Header = nil
	f.Do(in).AssertProblem(t, fault.Conflict, "version")
}

func TestPublishingRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	m := w.Model("fraud")
	w.Draft(m, "1.0.0", "model.onnx")
	w.Draft(m, "2.0.0")
	good := functiontest.Request{Method: http.MethodPost, Path: path + "1.0.0/publish", Token: w.Token(w.Owner), Body: `{}`}
	f.AssertNeedsCredential(t, good)
	f.AssertRefuses(t, good, map[string]functiontest.Refusal{
		"unknown field":   {Body: `{"alias":"x"}`, Kind: fault.Invalid, Fields: []string{"alias"}},
		"wrong type":      {Body: `{"deterministic":"yes"}`, Kind: fault.Invalid, Fields: []string{"deterministic"}},
		"derived alias":   {Body: `{"aliases":["latest"]}`, Kind: fault.Unprocessable, Fields: []string{"aliases"}},
		"bad alias":       {Body: `{"aliases":["A"]}`, Kind: fault.Invalid, Fields: []string{"aliases"}},
		"bad quantity":    {Body: `{"resources":{"cpu":"much"}}`, Kind: fault.Invalid, Fields: []string{"resources.cpu"}},
		"unknown size":    {Body: `{"resources":{"disk":"1Gi"}}`, Kind: fault.Invalid, Fields: []string{"resources.disk"}},
		"many replicas":   {Body: `{"max_replicas":101}`, Kind: fault.Invalid, Fields: []string{"max_replicas"}},
		"max below min":   {Body: `{"min_replicas":2,"max_replicas":1}`, Kind: fault.Invalid, Fields: []string{"max_replicas"}},
		"other runtime":   {Body: `{"runtime":"triton"}`, Kind: fault.Unprocessable, Fields: []string{"runtime"}},
		"too large":       {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		"no version":      {Path: path + "9.0.0/publish", Kind: fault.NotFound, Fields: []string{"version"}},
		"by an alias":     {Path: path + "latest/publish", Kind: fault.Invalid, Fields: []string{"v"}},
		"no files":        {Path: path + "2.0.0/publish", Kind: fault.Unprocessable, Fields: []string{"version"}},
		"another tenant":  {Token: w.Token(w.Other()), Kind: fault.NotFound, Fields: []string{"model"}},
		"a viewer":        {Token: w.Token(w.Member(w.Owner, api.Viewer)), Kind: fault.Forbidden},
		"a limited scope": {Token: w.APIKey(w.Owner, "version:read"), Kind: fault.Forbidden},
	})
}

func TestAStoreThatIsAwayLeavesADraft(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	vars := maps.Clone(w.Vars)
	maps.Copy(vars, objectstest.Environment(t))
	vars["S3_ENDPOINT"] = "http://127.0.0.1:1"
	f := functiontest.Start(t, "publish-version", New(), vars)
	w.Draft(w.Model("fraud"), "1.0.0", "model.onnx")
	f.Do(functiontest.Request{Method: http.MethodPost, Path: path + "1.0.0/publish", Token: w.Token(w.Owner)}).AssertProblem(t, fault.Unavailable)
	if n := w.Count("select count(*) from versions where status = 'draft'"); n != 1 {
		t.Errorf("%d drafts are left", n)
	}
	w.AssertWrote(event.VersionPublished{}, 0)
}
