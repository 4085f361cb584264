package function

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world has a ledger with calls in it.
type world struct {
	*catalogtest.World

	f     *functiontest.Function
	token string
	t     *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := catalogtest.New(t)
	return &world{w, functiontest.Start(t, "usage", New(), w.Vars), w.Token(w.Owner), t}
}

// call returns one of acme/fraud@1.4.0 that took 10 ms.
func (w *world) call(change func(*event.InferenceCall)) event.InferenceCall {
	c := event.InferenceCall{
		Time: time.Now().UTC(), Tenant: api.ID(w.Owner.Tenant), Request: "r", Model: ref.Model{Tenant: "acme", Name: "fraud"}, Version: w.version("1.4.0"),
		Actor: "key:k", Status: http.StatusOK, Total: 10_000, Compute: 8_000, BytesIn: 10, BytesOut: 20,
	}
	if change != nil {
		change(&c)
	}
	return c
}

func (w *world) version(s string) ref.Version {
	w.t.Helper()
	v, err := ref.ParseVersion(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// record writes calls into the ledger.
func (w *world) record(calls ...event.InferenceCall) {
	w.t.Helper()
	for i := range calls {
		calls[i].Number = int64(i + 1)
	}
	b := event.InferenceCompleted{Pod: api.ID(uuid.New()), First: 1, Last: int64(len(calls)), Calls: calls}
	err := w.Postgres.As(postgres.Usage).Tx(w.t.Context(), uuid.Nil, func(tx postgres.Tx) error { return usage.Record(w.t.Context(), tx, b) })
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) usage(query string) (out page.Page[api.UsageRow]) {
	w.t.Helper()
	w.f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/usage" + query, Token: w.token}, http.StatusOK, &out)
	return out
}

func TestUsageIsSummedByModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(w.call(nil), w.call(func(c *event.InferenceCall) { c.Status, c.Compute = http.StatusBadGateway, 0 }),
		w.call(func(c *event.InferenceCall) { c.Cached, c.Compute = true, 0 }),
		w.call(func(c *event.InferenceCall) { c.Model.Name = "other" }))

	rows := w.usage("").Items

	if len(rows) != 2 || rows[0].Model != "acme/fraud" || rows[1].Model != "acme/other" {
		t.Fatalf("the rows are %+v", rows)
	}
	if r := rows[0]; r.Requests != 3 || r.Errors != 1 || r.Cached != 1 || r.ComputeMS != 8 || r.BytesIn != 30 || r.BytesOut != 60 || r.Period == "" {
		t.Errorf("the row is %+v", r)
	}
}

func TestUsageIsGroupedAsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(w.call(nil), w.call(func(c *event.InferenceCall) { c.Version = w.version("1.5.0") }),
		w.call(func(c *event.InferenceCall) { c.Actor = "user:u" }),
		w.call(func(c *event.InferenceCall) { c.Time = c.Time.AddDate(0, 0, -2) }))
	for group, rows := range map[string]int{"model": 1, "version": 2, "key": 2, "day": 2} {
		if got := w.usage("?group_by=" + group).Items; len(got) != rows {
			t.Errorf("by %s there are %+v", group, got)
		}
	}
	if got := w.usage("?from=" + time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)).Items; len(got) != 1 || got[0].Requests != 3 {
		t.Errorf("since an hour there are %+v", got)
	}
}

func TestUsageComesInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(w.call(nil), w.call(func(c *event.InferenceCall) { c.Model.Name = "b" }), w.call(func(c *event.InferenceCall) { c.Model.Name = "c" }))

	first := w.usage("?page_size=2")
	second := w.usage("?page_size=2&page_token=" + first.Next)

	if len(first.Items) != 2 || len(second.Items) != 1 || second.Next != "" || second.Items[0].Model == first.Items[1].Model {
		t.Errorf("the pages are %+v and %+v", first, second)
	}
}

func TestUsageOfOthersIsNotSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(w.call(nil))
	w.token = w.Token(w.Tenant("rival"))

	if rows := w.usage("").Items; len(rows) != 0 {
		t.Errorf("the rows are %+v", rows)
	}
	w.f.Do(functiontest.Request{Method: http.MethodGet, Path: "/v1/models/acme/fraud/stats", Token: w.token}).AssertProblem(t, fault.NotFound)
}

func TestStatsTellHowCallsWent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.Model("fraud")
	first, second := w.Draft(m, "1.4.0"), w.Draft(m, "1.5.0")
	slow := func(c *event.InferenceCall) {
		c.Total, c.Version, c.VersionID, c.ColdStart = 1_000_000, w.version("1.5.0"), api.ID(second), 900_000
	}
	good := func(c *event.InferenceCall) { c.VersionID = api.ID(first) }
	w.record(w.call(good), w.call(good), w.call(slow), w.call(func(c *event.InferenceCall) { c.VersionID, c.Status = api.ID(first), http.StatusBadRequest }))
	var out api.ModelStats

	w.f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/models/acme/fraud/stats?window=2h", Token: w.token}, http.StatusOK, &out)

	if out.Total.Requests != 4 || out.Total.Refused != 1 || out.Total.Errors != 0 || out.Total.ColdStarts != 1 || len(out.Versions) != 2 {
		t.Fatalf("the stats are %+v", out)
	}
	if p := out.Total.LatencyMS; p.P50 < 10 || p.P50 > 11 || p.P99 < 1000 || p.P99 > 1100 {
		t.Errorf("the latencies are %+v", p)
	}
	if out.Versions[0].Version != "1.4.0" || out.Versions[1].ColdStartMSMean != 900 {
		t.Errorf("the versions are %+v", out.Versions)
	}
}

// TestStatsOfANameThatIsUsedAgainBeginAnew deletes a model and makes another of its name and version.
func TestStatsOfANameThatIsUsedAgainBeginAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.Model("fraud")
	old := w.Draft(m, "1.4.0")
	ask := functiontest.Request{Method: http.MethodGet, Path: "/v1/models/acme/fraud/stats", Token: w.token}
	calls := func(version uuid.UUID, n int) {
		w.t.Helper()
		for range n {
			w.record(w.call(func(c *event.InferenceCall) { c.VersionID = api.ID(version) }))
		}
	}
	calls(old, 2)
	if _, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: m}); err != nil {
		t.Fatal(err)
	}
	w.f.Do(ask).AssertProblem(t, fault.NotFound, "model")
	w.Model("fraud")
	calls(old, 3) // the gateway's journal came late
	fresh := w.Draft(m, "1.4.0")
	calls(fresh, 1)
	var out api.ModelStats

	w.f.Must(ask, http.StatusOK, &out)

	if out.Total.Requests != 1 || len(out.Versions) != 1 || out.Total.LatencyMS.P50 == 0 {
		t.Errorf("the new model's stats are %+v", out)
	}
	if rows := w.usage("?group_by=version").Items; len(rows) != 1 || rows[0].Requests != 6 {
		t.Errorf("the ledger has %+v", rows)
	}
}

func TestWhatIsWrongWithAQueryIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, field := range map[string]string{
		"/v1/usage?group_by=colour":                  "group_by",
		"/v1/usage?from=yesterday":                   "from",
		"/v1/usage?from=2020-01-01T00:00:00Z":        "from",
		"/v1/usage?page_size=0":                      "page_size",
		"/v1/models/acme/fraud/stats?window=forever": "window",
		"/v1/models/acme/fraud/stats?window=1s":      "window",
	} {
		w.f.Do(functiontest.Request{Method: http.MethodGet, Path: path, Token: w.token}).AssertProblem(t, fault.Invalid, field)
	}
}

func TestUsageNeedsAPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.token = w.Token(w.Member(w.Owner, api.Caller))
	w.f.Do(functiontest.Request{Method: http.MethodGet, Path: "/v1/usage", Token: w.token}).AssertProblem(t, fault.Forbidden)
	w.f.Do(functiontest.Request{Method: http.MethodGet, Path: "/v1/usage"}).AssertProblem(t, fault.Unauthenticated)
}

func TestOldCallsAreForgottenAndTheirSumsAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(w.call(nil), w.call(func(c *event.InferenceCall) { c.Time = c.Time.AddDate(0, 0, -45) }))
	if n := w.days(); n != 2 {
		t.Fatalf("there are %d days", n)
	}

	if err := usage.Trim(t.Context(), w.Postgres.DB); err != nil {
		t.Fatal(err)
	}
	if n := w.days(); n != 2 {
		t.Errorf("within 45 days, %d days are left", n)
	}
	w.age()
	if err := usage.Trim(t.Context(), w.Postgres.DB); err != nil {
		t.Fatal(err)
	}

	if n := w.days(); n != 1 {
		t.Errorf("%d days are left", n)
	}
	if rows := w.usage("?from=" + time.Now().UTC().AddDate(0, 0, -60).Format(time.RFC3339)).Items; len(rows) != 1 || rows[0].Requests != 2 {
		t.Errorf("the sums are %+v", rows)
	}
}

// days returns the number of days that have calls.
func (w *world) days() (n int) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select count(*) from pg_inherits where inhparent = 'usage_events'::regclass`).Scan(&n)
	})
	return n
}

// age makes the oldest day older by renaming it, which is how a day is told.
func (w *world) age() {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		var oldest string
		const oldestSQL = `select min(c.relname) from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'usage_events'::regclass`
		if err := conn.QueryRow(ctx, oldestSQL).Scan(&oldest); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "alter table usage_days."+pgx.Identifier{oldest}.Sanitize()+" rename to d20200101")
		return err
	})
}
