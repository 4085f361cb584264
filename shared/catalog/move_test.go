package catalog_test

import (
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
)

func TestAnAliasIsMadeAndMovedOnlyAsItsConditionsSay(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	idle := w.Published(m, "1.1.0") // has never started
	try := func(version string, match condition.Match, none condition.NoneMatch) (api.Alias, error) {
		in := set(m, "production", version)
		in.IfMatch, in.IfNoneMatch = match, none
		return w.Catalog.SetAlias(t.Context(), w.Owner, in)
	}

	_, err := try("1.0.0", "*", "")
	faulttest.AssertKind(t, err, fault.PreconditionFailed, condition.IfMatch)
	_, err = try("1.1.0", `"x"`, "")
	faulttest.AssertKind(t, err, fault.PreconditionFailed, condition.IfMatch)
	assertAlias(t, w, m, map[string]string{"production": ""})
	if n := w.Count("select count(*) from versions where id = $1 and wanted_at is not null", idle); n != 0 {
		t.Error("a request whose condition failed has started its target")
	}

	made, err := try("1.0.0", "", "*")
	if err != nil {
		t.Fatal(err)
	}
	_, err = try("1.0.0", "", "*")
	faulttest.AssertKind(t, err, fault.PreconditionFailed, condition.IfNoneMatch)
	if _, err = try("1.0.0", condition.Tag("other")+", "+condition.Tag(made.ETag()), ""); err != nil {
		t.Error(err)
	}
	_, err = try("1.0.0", "W/"+condition.Tag(made.ETag()), "")
	faulttest.AssertKind(t, err, fault.PreconditionFailed, condition.IfMatch)
}

func TestAReasonIsKeptWhereAnAliasStays(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Ready(m, "1.1.0")
	say := func(version, why string) api.Alias {
		in := set(m, "production", version)
		in.Why = api.Reason(why)
		a, err := w.Catalog.SetAlias(t.Context(), w.Owner, in)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	history := func() []api.AliasMove {
		moves, err := w.Catalog.AliasHistory(t.Context(), w.Owner, api.AliasHistoryRequest{Model: m, Alias: "production", Request: page.Request{Size: 10}})
		if err != nil {
			t.Fatal(err)
		}
		return moves.Items
	}
	say("1.0.0", "")
	moved := say("1.1.0", "better")

	stayed := say("1.1.0", "approved by risk")
	say("1.1.0", "approved by risk") // a repetition
	say("1.1.0", "")

	if stayed.Why != "approved by risk" || !stayed.MovedAt.After(moved.MovedAt) || len(stayed.Previous) != 1 || stayed.Previous[0].Version.String() != "1.0.0" {
		t.Errorf("the alias is %+v", stayed)
	}
	moves := history()
	if len(moves) != 3 || moves[0].Why != "approved by risk" || moves[0].From[0].Version.Compare(moves[0].To[0].Version) != 0 {
		t.Fatalf("the history is %+v", moves)
	}
	if _, err := w.Catalog.Rollback(t.Context(), w.Owner, api.RollbackRequest{Model: m, Alias: "production"}); err != nil {
		t.Fatal(err)
	}
	assertAlias(t, w, m, map[string]string{"production": "1.0.0"})
}

func TestAliasesThatReadLikeVersionsCannotBeSet(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "v1.2.3", "production") // its publication is from before the rule
	w.AssertWrote(event.AliasMoved{}, 4)
	for _, alias := range []ref.Alias{"latest", "v1", "v1.4", "v1.2.3", "v1.x", "v01", "v1.4.0-rc", "vx"} {
		_, err := w.Catalog.SetAlias(t.Context(), w.Owner, set(m, string(alias), "1.0.0"))
		faulttest.AssertKind(t, err, fault.Unprocessable, "alias")
	}
}
