package catalog_test

import (
	"context"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
)

func resolve(t *testing.T, w *catalogtest.World, m ref.Model, selector string) catalog.Resolution {
	t.Helper()
	return missed(t, w, m, selector, "")
}

// missed resolves for who found nobody at an endpoint.
func missed(t *testing.T, w *catalogtest.World, m ref.Model, selector, endpoint string) catalog.Resolution {
	t.Helper()
	named := api.VersionRequest{Model: m, Ref: catalogtest.Ref(selector)}
	r, err := w.Catalog.Resolve(t.Context(), w.Owner, catalog.Resolve{VersionRequest: named, Unreachable: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResolveTellsWhereAVersionRuns(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Ready(m, "1.0.0")
	r := resolve(t, w, m, "latest")
	if r.VersionID != id || r.Endpoint != catalogtest.Endpoint(id) || r.Status != "ready" || r.Runtime != "maas-onnx" || len(r.Inputs) != 1 || r.Epoch < 2 {
		t.Errorf("%+v", r)
	}
	w.AssertWrote(event.DeploymentWanted{}, 0)
}

func TestResolveAsksOnceForWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Published(m, "1.0.0")
	for range 5 {
		if r := resolve(t, w, m, "1.0.0"); r.Status != "none" || r.Endpoint != "" {
			t.Errorf("%+v", r)
		}
	}
	w.AssertWrote(event.DeploymentWanted{}, 1)
}

func TestResolveAsksOnceForWhatItsCallerDoesNotFind(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Ready(m, "1.0.0")
	missed(t, w, m, "1.0.0", "http://where-it-was")
	w.AssertWrote(event.DeploymentWanted{}, 0)
	for range 5 {
		if r := missed(t, w, m, "1.0.0", catalogtest.Endpoint(id)); r.Status != "ready" {
			t.Errorf("%+v", r)
		}
	}
	w.AssertWrote(event.DeploymentWanted{}, 1)
}

func TestResolveSaysWhyAStartFailed(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Published(m, "1.0.0")
	if err := w.Deployments.Failed(t.Context(), w.Owner.Tenant, id, "no such operator"); err != nil {
		t.Fatal(err)
	}
	if r := resolve(t, w, m, "1.0.0"); r.Status != "failed" || r.Reason != "no such operator" {
		t.Errorf("%+v", r)
	}
}

func TestWhatDoesNotResolve(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Draft(m, "1.0.0", "model.onnx")
	for _, selector := range []string{"1.0.0", "2.0.0", "latest", "production", "^1", "1.x"} {
		_, err := w.Catalog.Resolve(t.Context(), w.Owner, catalog.Resolve{VersionRequest: api.VersionRequest{Model: m, Ref: catalogtest.Ref(selector)}})
		faulttest.AssertKind(t, err, fault.NotFound, "version")
	}
	_, err := w.Catalog.Resolve(t.Context(), w.Other(), catalog.Resolve{VersionRequest: api.VersionRequest{Model: m}})
	faulttest.AssertKind(t, err, fault.NotFound, "model")
}

func TestEachWriteThatResolveSeesRaisesTheEpochAndIsAnnouncedTwice(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Ready(m, "1.0.0")
	w.Ready(m, "1.1.0")
	v := catalogtest.Version("1.0.0")
	for name, write := range map[string]func(ctx context.Context) error{
		"set an alias": func(ctx context.Context) error {
			_, err := w.Catalog.SetAlias(ctx, w.Owner, set(m, "production", "1.1.0"))
			return err
		},
		"idle": func(ctx context.Context) error { return w.Deployments.Idle(ctx, w.Owner.Tenant, id) },
		"deprecate": func(ctx context.Context) error {
			_, err := w.Catalog.Deprecate(ctx, w.Owner, api.DeprecateRequest{Model: m, Version: v, Reason: "old", Sunset: catalogtest.Soon()})
			return err
		},
	} {
		epoch, announced := resolve(t, w, m, "1.1.0").Epoch, w.Announced.Load()
		if err := write(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := resolve(t, w, m, "1.1.0").Epoch; got <= epoch {
			t.Errorf("%s: the epoch went from %d to %d", name, epoch, got)
		}
		if n := w.Announced.Load() - announced; n != 2 {
			t.Errorf("%s: announced %d times", name, n)
		}
	}
}
