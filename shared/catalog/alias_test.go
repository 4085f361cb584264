package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/idempotency"
)

func assertAlias(t *testing.T, w *catalogtest.World, m ref.Model, want map[string]string) {
	t.Helper()
	for alias, version := range want {
		if got := w.Alias(m, alias); got != version {
			t.Errorf("%s leads to %q, want %q", alias, got, version)
		}
	}
}

func TestDerivedAliasesFollowReadyReleases(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Published(m, "1.0.0")
	assertAlias(t, w, m, map[string]string{"latest": ""})
	w.Ready(m, "1.1.0")
	w.Ready(m, "1.0.5") // published later, but lower
	w.Ready(m, "2.0.0-rc.1")
	assertAlias(t, w, m, map[string]string{"latest": "1.1.0", "v1": "1.1.0", "v1.0": "1.0.5", "v1.1": "1.1.0", "v2": ""})
	w.Ready(m, "2.0.0")
	assertAlias(t, w, m, map[string]string{"latest": "2.0.0", "v1": "1.1.0", "v2": "2.0.0", "v2.0": "2.0.0"})
	v := get(t, w, m, "2.0.0")
	if !v.IsLatest || fmt.Sprint(v.Aliases) != "[latest v2 v2.0]" {
		t.Errorf("latest %v, aliases %v", v.IsLatest, v.Aliases)
	}
	model, err := w.Catalog.GetModel(t.Context(), w.Owner, api.ModelRequest{Model: m})
	if err != nil || model.Latest == nil || model.Latest.String() != "2.0.0" {
		t.Errorf("the model's latest is %v, %v", model.Latest, err)
	}
}

func TestARangeLeadsToTheHighestThatHasStarted(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.2.0")
	w.Ready(m, "1.4.0")
	w.Published(m, "1.5.0")
	w.Draft(m, "1.6.0")
	w.Ready(m, "2.0.0-rc.1")
	assertAlias(t, w, m, map[string]string{"^1.2": "1.4.0", "~1.2": "1.2.0", "1.x": "1.4.0", ">=2.0.0-0": "2.0.0-rc.1", "^2": "", "^3": ""})
	in := api.DeprecateRequest{Model: m, Version: catalogtest.Version("1.4.0"), Reason: "bad", Sunset: catalogtest.Soon()}
	if _, err := w.Catalog.Deprecate(t.Context(), w.Owner, in); err != nil {
		t.Fatal(err)
	}
	assertAlias(t, w, m, map[string]string{"^1.2": "1.2.0", "~1.4": "1.4.0", "latest": "1.2.0"})
}

func TestAliasesMoveWhenTheirVersionIsReady(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	next := w.Published(m, "1.1.0", "production")
	assertAlias(t, w, m, map[string]string{"production": "1.0.0"})
	if err := w.Deployments.Failed(t.Context(), w.Owner.Tenant, next, "out of memory"); err != nil {
		t.Fatal(err)
	}
	assertAlias(t, w, m, map[string]string{"production": "1.0.0", "latest": "1.0.0"})
	w.Start(next)
	assertAlias(t, w, m, map[string]string{"production": "1.1.0", "latest": "1.1.0"})
}

func set(m ref.Model, alias, version string) api.SetAliasRequest {
	v := catalogtest.Version(version)
	return api.SetAliasRequest{Model: m, Alias: ref.Alias(alias), Version: &v}
}

func TestTrafficIsSplitByWeight(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Ready(m, "1.1.0")
	traffic, err := api.NewTraffic([]api.Target{
		{Version: catalogtest.Version("1.1.0"), Weight: 10}, {Version: catalogtest.Version("1.0.0"), Weight: 90},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Catalog.SetAlias(t.Context(), w.Owner, api.SetAliasRequest{Model: m, Alias: "canary", Traffic: traffic})
	if err != nil || a.Kind != api.AliasSet || len(a.Previous) != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	assertAlias(t, w, m, map[string]string{"canary": "1.0.0=90 1.1.0=10"})
	if v := get(t, w, m, "1.1.0"); fmt.Sprint(v.Aliases) != "[canary latest v1 v1.1]" {
		t.Errorf("aliases %v", v.Aliases)
	}
}

func TestAliasesThatCannotBeSet(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Draft(m, "2.0.0", "model.onnx")
	both := set(m, "production", "1.0.0")
	both.Traffic = api.Traffic{{Version: catalogtest.Version("1.0.0"), Weight: 100}}
	stale := set(m, "production", "1.0.0")
	stale.IfMatch = condition.Tag("other")
	for name, c := range map[string]struct {
		in    api.SetAliasRequest
		kind  fault.Kind
		field string
	}{
		"derived":       {set(m, "latest", "1.0.0"), fault.Unprocessable, "alias"},
		"neither":       {api.SetAliasRequest{Model: m, Alias: "production"}, fault.Invalid, "traffic"},
		"both":          {both, fault.Invalid, "version"},
		"no version":    {set(m, "production", "9.0.0"), fault.Conflict, "version"},
		"draft":         {set(m, "production", "2.0.0"), fault.Conflict, "version"},
		"other state":   {stale, fault.PreconditionFailed, "If-Match"},
		"unknown model": {set(ref.Model{Tenant: "acme", Name: "none"}, "production", "1.0.0"), fault.NotFound, "model"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Catalog.SetAlias(t.Context(), w.Owner, c.in)
			faulttest.AssertKind(t, err, c.kind, c.field)
		})
	}
}

func TestAnAliasDoesNotWaitForAVersionThatHasJustFailed(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	broken := w.Published(m, "3.0.0")
	if err := w.Deployments.Failed(t.Context(), w.Owner.Tenant, broken, "no opset 99"); err != nil {
		t.Fatal(err)
	}

	_, err := w.Catalog.SetAlias(t.Context(), w.Owner, set(m, "production", "3.0.0"))

	faulttest.AssertKind(t, err, fault.Conflict, "version")
}

func TestAnAliasWaitsUntilItsTargetRuns(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Published(m, "1.0.0")
	done := make(chan error, 1)
	go func() { // ends with the alias's move
		_, err := w.Catalog.SetAlias(t.Context(), w.Owner, set(m, "production", "1.0.0"))
		done <- err
	}()
	for w.Count("select count(*) from outbox where type = $1", string(event.DeploymentWanted{}.EventType())) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	w.Start(id)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	assertAlias(t, w, m, map[string]string{"production": "1.0.0"})
}

func TestAnAliasStaysWhenItsTargetDoesNotStartInTime(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Published(m, "1.0.0")
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, err := w.Catalog.SetAlias(ctx, w.Owner, set(m, "production", "1.0.0"))
	faulttest.AssertKind(t, err, fault.Unavailable)
	assertAlias(t, w, m, map[string]string{"production": ""})
}

func TestAVersionThatStartsLateLeavesAliasesThatWereMovedSince(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	slow := w.Published(m, "1.0.0", "production", "canary", "stable")
	w.Ready(m, "1.1.0", "production") // a later publication
	if _, err := w.Catalog.SetAlias(t.Context(), w.Owner, set(m, "canary", "1.1.0")); err != nil {
		t.Fatal(err)
	}
	w.Start(slow)
	assertAlias(t, w, m, map[string]string{"production": "1.1.0", "canary": "1.1.0", "stable": "1.0.0", "latest": "1.1.0", "v1.0": "1.0.0"})
}

func TestALaterPublicationTakesAliasesFromAnEarlierOneThatStartedMeanwhile(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	first := w.Published(m, "1.0.0", "production")
	second := w.Published(m, "1.1.0", "production")
	w.Start(first)
	w.Start(second)
	assertAlias(t, w, m, map[string]string{"production": "1.1.0"})
}

func TestARollbackGoesBackAndIsOneRow(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	w.Ready(m, "1.1.0", "production")
	before := w.Count("select count(*) from alias_moves")
	a, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "production"})
	if err != nil || a.Traffic[0].Version.String() != "1.0.0" || a.Previous[0].Version.String() != "1.1.0" || a.Why != "rollback" {
		t.Errorf("%+v, %v", a, err)
	}
	if n := w.Count("select count(*) from alias_moves"); n != before+1 {
		t.Errorf("%d rows were written", n-before)
	}
	history, err := w.Catalog.AliasHistory(t.Context(), w.Owner, api.AliasHistoryRequest{Request: firstPage, Model: m, Alias: "production"})
	if err != nil || len(history.Items) != 3 || history.Items[0].Why != "rollback" || len(history.Items[2].From) != 0 {
		t.Errorf("%+v, %v", history.Items, err)
	}
}

func TestARepeatedRollbackIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	bad := w.Ready(m, "1.1.0", "production")
	ctx := idempotency.With(t.Context(), idempotency.Key{Value: "one", Route: "rollback"})
	first, err := w.Catalog.Rollback(ctx, w.Owner, api.RollbackRequest{Model: m, Alias: "production"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Deployments.Failed(t.Context(), w.Owner.Tenant, bad, "it fell over"); err != nil { // where a second rollback would lead
		t.Fatal(err)
	}
	again, err := w.Catalog.Rollback(ctx, w.Owner, api.RollbackRequest{Model: m, Alias: "production"})
	if err != nil || again.ETag() != first.ETag() {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestARollbackMayNameWhereItGoes(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.Ready(m, version, "production")
	}
	w.Ready(m, "1.3.0")
	to, never := catalogtest.Version("1.0.0"), catalogtest.Version("1.3.0")
	if a, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "production", To: &to}); err != nil || a.Traffic[0].Version.String() != "1.0.0" {
		t.Errorf("%+v, %v", a, err)
	}
	_, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "production", To: &never})
	faulttest.AssertKind(t, err, fault.Conflict, "to")
	_, err = w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "none"})
	faulttest.AssertKind(t, err, fault.NotFound, "alias")
}

func TestAForcedRollbackDoesNotWait(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	old := w.Ready(m, "1.0.0", "production")
	w.Ready(m, "1.1.0", "production")
	if err := w.Deployments.Removed(t.Context(), w.Owner.Tenant, old); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "production", Force: true}); err != nil {
		t.Error(err)
	}
}

func TestARolledBackLatestStaysUntilALaterVersionIsReady(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	bad := w.Ready(m, "1.1.0")
	if _, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "latest"}); err != nil {
		t.Fatal(err)
	}
	w.Start(bad) // again ready: it is not new
	w.Ready(m, "1.0.1")
	assertAlias(t, w, m, map[string]string{"latest": "1.0.0"})
	w.Ready(m, "1.1.1")
	assertAlias(t, w, m, map[string]string{"latest": "1.1.1"})
}

func TestRacingMovesLeaveOneRowAndAWholeLedger(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	w.Ready(m, "1.1.0")
	w.Ready(m, "1.2.0")
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			if _, err := w.Catalog.SetAlias(t.Context(), w.Owner, set(m, "production", fmt.Sprintf("1.%d.0", 1+i%2))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	broken := w.Count(`
		select count(*) from (select before, lag(after) over (order by seq) as was, lag(after) over (order by seq) is null as first
			from alias_moves where alias = 'production') m
		where not first and before <> was`)
	if broken != 0 {
		t.Errorf("%d moves do not begin where the one before ended", broken)
	}
	if n := w.Count(`select count(*) from aliases a where a.alias = 'production'
		and a.traffic = (select after from alias_moves m where m.alias = 'production' order by seq desc limit 1)`); n != 1 {
		t.Error("the alias is not where its last move led")
	}
}

func TestAliasesAreListedByName(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	found, err := w.Catalog.ListAliases(t.Context(), w.Owner, api.ListAliasesRequest{Request: firstPage, Model: m})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range found.Items {
		got = append(got, string(a.Alias)+":"+string(a.Kind))
	}
	if fmt.Sprint(got) != "[latest:derived production:set v1:derived v1.0:derived]" {
		t.Errorf("listed %v", got)
	}
}
