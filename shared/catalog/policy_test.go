package catalog_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/formats"
)

func TestATenantThatHasSetNoPolicyRefusesWhatRunsCode(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	p, err := w.Catalog.GetPolicy(t.Context(), w.Owner, struct{}{})
	if want := (api.FormatPolicy{Pickle: api.RefuseFormat, Code: api.RefuseFormat}); err != nil || p.Formats != want {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAPolicyIsItsTenantsAlone(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	want := api.FormatPolicy{Pickle: api.ScanFormat, Code: api.AllowFormat}

	p, err := w.Catalog.PutPolicy(t.Context(), w.Owner, api.PutPolicyRequest{Formats: want})

	if err != nil || p.Formats != want {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := w.Catalog.GetPolicy(t.Context(), w.Owner, struct{}{}); err != nil || p.Formats != want {
		t.Errorf("then %+v, %v", p, err)
	}
	if p, err := w.Catalog.GetPolicy(t.Context(), w.Other(), struct{}{}); err != nil || p.Formats != api.DefaultFormats() {
		t.Errorf("another tenant's is %+v, %v", p, err)
	}
	if n := w.Count(`select count(*) from audit_entries where action = 'policy.set' and resource = 'pickle=scan code=allow'`); n != 1 {
		t.Errorf("%d entries in the audit log", n)
	}
	before := p.ETag()
	if _, err := w.Catalog.PutPolicy(t.Context(), w.Owner, api.PutPolicyRequest{IfMatch: condition.Tag(before)}); err != nil {
		t.Error(err)
	}
	_, err = w.Catalog.PutPolicy(t.Context(), w.Owner, api.PutPolicyRequest{IfMatch: condition.Tag(before), Formats: want})
	faulttest.AssertKind(t, err, fault.PreconditionFailed)
	_, err = w.Catalog.PutPolicy(t.Context(), w.Owner, api.PutPolicyRequest{Formats: api.FormatPolicy{Code: api.ScanFormat}})
	faulttest.AssertKind(t, err, fault.Invalid, "formats.code")
}

func TestWhatThePolicyRefusesByNowIsNotPublished(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	unsafe := p.Artifact("model")
	unsafe.Details = formats.Model{External: []formats.ExternalFile{}, Findings: []formats.Finding{{Code: "import", Detail: "imports os.system", Unsafe: true, Offset: 2}}}
	p.attach(m, "1.0.0", "model.onnx", unsafe)

	_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))

	faulttest.AssertKind(t, err, fault.Unprocessable, "files[model.onnx]")
	if _, err := p.World.Catalog.PutPolicy(t.Context(), p.Owner, api.PutPolicyRequest{Formats: api.FormatPolicy{Code: api.AllowFormat}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0")); err != nil {
		t.Error(err)
	}
}

func TestAVersionOfAKindThatNothingServesStaysADraft(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("chat")
	weights := p.Artifact("weights")
	weights.Format, weights.Inputs, weights.Outputs = "gguf", nil, nil
	p.attach(m, "1.0.0", "model.gguf", weights)

	_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))

	faulttest.AssertKind(t, err, fault.Unprocessable, "runtime")
	if v := get(t, p.World, m, "1.0.0"); v.Status != api.VersionDraft || v.Kind != "" {
		t.Errorf("%+v", v)
	}
}

// TestRacingChangesOfAPolicyAreNotLost has ten owners change what they have read.
func TestRacingChangesOfAPolicyAreNotLost(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	p, err := w.Catalog.GetPolicy(t.Context(), w.Owner, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int64
	var group sync.WaitGroup
	for n := range 10 {
		group.Go(func() {
			change := api.FormatPolicy{Pickle: []api.FormatRule{api.ScanFormat, api.AllowFormat}[n%2]}
			_, err := w.Catalog.PutPolicy(t.Context(), w.Owner, api.PutPolicyRequest{IfMatch: condition.Tag(p.ETag()), Formats: change})
			switch {
			case err == nil:
				done.Add(1)
			case !fault.Is(err, fault.PreconditionFailed):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if done.Load() != 1 {
		t.Errorf("%d changes of one policy", done.Load())
	}
}

// TestAFileIsWhatItWasFoundToBeUnderItsPath attaches the same bytes as data and as a model.
func TestAFileIsWhatItWasFoundToBeUnderItsPath(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.attach(m, "1.0.0", "w.bin", p.data("same", 4))
	model := p.Artifact("same")
	model.Size = 4
	p.attach(m, "1.1.0", "model.onnx", model)

	if v := get(t, p.World, m, "1.1.0"); v.Files[0].Format != "onnx" || len(v.Inputs) != 1 {
		t.Errorf("%+v", v)
	}
	if _, err := p.Publish(t.Context(), p.Owner, publish(m, "1.1.0")); err != nil {
		t.Error(err)
	}
	if v := get(t, p.World, m, "1.0.0"); v.Files[0].Format != "data" || len(v.Inputs) != 0 {
		t.Errorf("%+v", v)
	}
}
