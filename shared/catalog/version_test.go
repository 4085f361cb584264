package catalog_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/postgres"
)

func get(t *testing.T, w *catalogtest.World, m ref.Model, selector string) api.Version {
	t.Helper()
	v, err := w.Catalog.GetVersion(t.Context(), w.Owner, api.VersionRequest{Model: m, Ref: catalogtest.Ref(selector)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestADraftShowsItsFiles(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Draft(m, "1.0.0", "model.onnx", "a/weights.bin")
	v := get(t, w, m, "1.0.0")
	if v.Status != api.VersionDraft || len(v.Files) != 2 || v.Files[0].Path != "a/weights.bin" || !v.Digest.IsZero() || v.Deployment.Status != "none" {
		t.Errorf("%+v", v)
	}
	if len(v.Inputs) != 1 || v.Inputs[0].Name != "x" || v.Size != int64(len("model.onnx1.0.0a/weights.bin1.0.0")) {
		t.Errorf("inputs %v, size %d", v.Inputs, v.Size)
	}
}

func TestADraftIsOpenedOnce(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	if w.Draft(m, "1.0.0") != w.Draft(m, "1.0.0", "model.onnx") {
		t.Error("a second upload opened a second draft")
	}
}

func TestAPathIsAttachedAgainWhileDraft(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Draft(m, "1.0.0", "model.onnx")
	other := w.Artifact("other bytes")
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		_, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: id, Path: "model.onnx", Artifact: other})
		return err
	})
	if v := get(t, w, m, "1.0.0"); len(v.Files) != 1 || v.Files[0].SHA256 != other.Digest {
		t.Errorf("files %v", v.Files)
	}
}

func TestTheSameBytesKeepOneObject(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	first, second := w.Draft(m, "1.0.0"), w.Draft(m, "2.0.0")
	a, b := w.Artifact("same"), w.Artifact("same")
	var kept, again string
	w.Transfer(func(ctx context.Context, tx postgres.Tx) (err error) {
		if kept, err = catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: first, Path: "m", Artifact: a}); err != nil {
			return err
		}
		again, err = catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: second, Path: "n", Artifact: b})
		return err
	})
	if kept != a.ObjectKey || again != a.ObjectKey {
		t.Errorf("kept %s, then %s, want %s", kept, again, a.ObjectKey)
	}
}

func TestDraftsThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Published(m, "1.0.0")
	w.Draft(m, "2147483647.0.0", "dir/model.onnx")
	v := catalogtest.Version
	cases := map[string]struct {
		in    catalog.DraftRequest
		kind  fault.Kind
		field string
	}{
		"no model":         {catalog.DraftRequest{Model: ref.Model{Tenant: "acme", Name: "none"}, Version: v("1.0.0")}, fault.NotFound, "model"},
		"other tenant":     {catalog.DraftRequest{Model: ref.Model{Tenant: "rival", Name: "fraud"}, Version: v("1.0.0")}, fault.NotFound, "model"},
		"published":        {catalog.DraftRequest{Model: m, Version: v("1.0.0")}, fault.Conflict, "version"},
		"number too large": {catalog.DraftRequest{Model: m, Bump: ref.BumpMajor}, fault.Conflict, "bump"},
		"file as a folder": {catalog.DraftRequest{Model: m, Version: v("2147483647.0.0"), Path: "dir"}, fault.Conflict, "path"},
		"below a file":     {catalog.DraftRequest{Model: m, Version: v("2147483647.0.0"), Path: "dir/model.onnx/x"}, fault.Conflict, "path"},
		"no parent":        {catalog.DraftRequest{Model: m, Version: v("3.0.0"), Lineage: api.Lineage{Parent: "acme/fraud@9.9.9"}}, fault.Invalid, "lineage.parent"},
		"parent by alias":  {catalog.DraftRequest{Model: m, Version: v("3.0.0"), Lineage: api.Lineage{Parent: "acme/fraud@latest"}}, fault.Invalid, "lineage.parent"},
		"parent elsewhere": {catalog.DraftRequest{Model: m, Version: v("3.0.0"), Lineage: api.Lineage{Parent: "rival/fraud@1.0.0"}}, fault.Invalid, "lineage.parent"},
		"long commit":      {catalog.DraftRequest{Model: m, Version: v("3.0.0"), Lineage: api.Lineage{Commit: strings.Repeat("x", 513)}}, fault.Invalid, "lineage.commit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := w.Postgres.As(postgres.Transfer).Tx(t.Context(), w.Owner.Tenant, func(tx postgres.Tx) error {
				_, err := catalog.OpenDraft(t.Context(), tx, nil, w.Owner, c.in)
				return err
			})
			faulttest.AssertKind(t, err, c.kind, c.field)
		})
	}
}

func TestRacingBumpsGiveDifferentNumbers(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Draft(m, "1.4.0")
	const racers = 8
	var opened sync.Map
	var group sync.WaitGroup
	for range racers {
		group.Go(func() {
			err := w.Postgres.As(postgres.Transfer).Tx(t.Context(), w.Owner.Tenant, func(tx postgres.Tx) error {
				draft, err := catalog.OpenDraft(t.Context(), tx, nil, w.Owner, catalog.DraftRequest{Model: m, Bump: ref.BumpMinor})
				opened.Store(draft.Version.String(), true)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := w.Count("select count(*) from versions"); n != racers+1 {
		t.Errorf("%d versions, want %d", n, racers+1)
	}
	if _, ok := opened.Load("1.12.0"); !ok {
		t.Error("the last number is not 1.12.0")
	}
}

func TestAnEmptyDraftIsDroppedAndNoOther(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	empty, full, published := w.Draft(m, "1.0.0"), w.Draft(m, "2.0.0", "model.onnx"), w.Published(m, "3.0.0")
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		for _, id := range []uuid.UUID{empty, full, published} {
			if err := catalog.DropEmptyDraft(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if n := w.Count("select count(*) from versions"); n != 2 {
		t.Errorf("%d versions are left, want 2", n)
	}
}

func TestVersionsAreListedHighestFirst(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	for _, version := range []string{"1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "2.0.0", "2.0.0-rc.2", "2.0.0-alpha"} {
		w.Draft(m, version)
	}
	var got []string
	in := api.ListVersionsRequest{Request: page.Request{Size: 2}, Model: m}
	for {
		found, err := w.Catalog.ListVersions(t.Context(), w.Owner, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found.Items {
			got = append(got, v.Version.String())
		}
		if in.After = found.Next; in.After == "" {
			break
		}
	}
	if want := "2.0.0 2.0.0-rc.2 2.0.0-rc.1 2.0.0-alpha 1.10.0 1.9.0 1.0.0"; strings.Join(got, " ") != want {
		t.Errorf("listed %v, want %s", got, want)
	}
}

// The database itself keeps what is published, also from its owner.
func TestPublishedVersionsAreImmutable(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Published(m, "1.0.0")
	for name, statement := range map[string]string{
		"other digest":  `update versions set digest = repeat('0', 64)`,
		"other name":    `update versions set version = '1.0.1', patch = 1`,
		"changelog":     `update versions set changelog = 'rewritten'`,
		"metadata":      `update versions set metadata = '{"a": 1}'`,
		"draft again":   `update versions set status = 'draft'`,
		"gone at once":  `update versions set status = 'retired', retired_at = now()`,
		"deleted":       `delete from versions`,
		"file swapped":  `update version_files set path = 'other'`,
		"file added":    `insert into version_files select version_id, 'new', tenant_id, digest, now() from version_files`,
		"file deleted":  `delete from version_files`,
		"ledger edited": `update alias_moves set why = 'x'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
				tag, err := conn.Exec(ctx, statement)
				if err == nil && tag.RowsAffected() > 0 {
					t.Errorf("%s went through", statement)
				}
				return nil
			})
		})
	}
}

func TestADraftsTextCanBeChanged(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Draft(m, "1.0.0")
	changelog := api.Changelog("better")
	v, err := w.Catalog.UpdateVersion(t.Context(), w.Owner, api.UpdateVersionRequest{Model: m, Version: catalogtest.Version("1.0.0"), Changelog: &changelog})
	if err != nil || v.Changelog != changelog {
		t.Errorf("%+v, %v", v, err)
	}
	w.Published(m, "2.0.0")
	_, err = w.Catalog.UpdateVersion(t.Context(), w.Owner, api.UpdateVersionRequest{Model: m, Version: catalogtest.Version("2.0.0"), Changelog: &changelog})
	faulttest.AssertKind(t, err, fault.Conflict, "version")
}

func TestADeprecatedVersionWarns(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	sunset := catalogtest.Soon()
	v, err := w.Catalog.Deprecate(t.Context(), w.Owner, api.DeprecateRequest{Model: m, Version: catalogtest.Version("1.0.0"), Reason: "old", Sunset: sunset})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	v.SetHeader(h)
	if !strings.HasPrefix(h.Get("Deprecation"), "@") || h.Get("Sunset") != sunset.UTC().Format(http.TimeFormat) {
		t.Errorf("headers %v", h)
	}
	if got := w.Alias(m, "latest"); got != "1.0.0" {
		t.Errorf("latest leads to %q: the only version there is stays", got)
	}
	w.AssertWrote(event.VersionDeprecated{}, 1)
}

func TestARetiredVersionIsGone(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Ready(m, "1.1.0")
	retire := api.RetireRequest{Model: m, Version: catalogtest.Version("1.1.0")}
	if v, err := w.Catalog.Retire(t.Context(), w.Owner, retire); err != nil || v.Status != api.VersionRetired {
		t.Fatalf("%+v, %v", v, err)
	}
	named := api.VersionRequest{Model: m, Ref: catalogtest.Ref("1.1.0")}
	_, err := w.Catalog.GetVersion(t.Context(), w.Owner, named)
	faulttest.AssertKind(t, err, fault.Gone)
	_, err = w.Catalog.Resolve(t.Context(), w.Owner, catalog.Resolve{VersionRequest: named})
	faulttest.AssertKind(t, err, fault.Gone)
	_, err = w.Catalog.Retire(t.Context(), w.Owner, retire)
	faulttest.AssertKind(t, err, fault.Gone)
	if latest, minor := w.Alias(m, "latest"), w.Alias(m, "v1.1"); latest != "1.0.0" || minor != "" {
		t.Errorf("latest leads to %q, v1.1 to %q", latest, minor)
	}
}

func TestAVersionThatAnAliasLeadsToIsNotRetired(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	_, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: m, Version: catalogtest.Version("1.0.0")})
	faulttest.AssertKind(t, err, fault.Conflict, "version")
}

func TestLineageIsFollowedUpAndDown(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	parent := ""
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
			_, err := catalog.OpenDraft(ctx, tx, nil, w.Owner, catalog.DraftRequest{
				Model: m, Version: catalogtest.Version(version), Lineage: api.Lineage{Parent: parent, Commit: "c" + version},
			})
			return err
		})
		parent = "acme/fraud@" + version
	}
	a, err := w.Catalog.GetLineage(t.Context(), w.Owner, api.VersionRequest{Model: m, Ref: catalogtest.Ref("1.1.0")})
	if err != nil {
		t.Fatal(err)
	}
	if a.Lineage.Commit != "c1.1.0" || len(a.Ancestors) != 1 || a.Ancestors[0].Lineage.Commit != "c1.0.0" || len(a.Children) != 1 || a.Children[0] != parent {
		t.Errorf("%+v", a)
	}
}

func TestADueVersionIsRetiredBySweep(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Ready(m, "2.0.0", "production")
	for _, version := range []string{"1.0.0", "2.0.0"} {
		in := api.DeprecateRequest{Model: m, Version: catalogtest.Version(version), Reason: "old", Sunset: catalogtest.Soon()}
		if _, err := w.Catalog.Deprecate(t.Context(), w.Owner, in); err != nil {
			t.Fatal(err)
		}
	}
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "update versions set sunset = now() - interval '1 second'")
		return err
	})
	if n, err := w.Catalog.RetireDue(t.Context(), "sweep", 10); err != nil || n != 1 {
		t.Errorf("retired %d, %v, want 1: an alias leads to the other", n, err)
	}
	w.AssertWrote(event.VersionRetired{}, 1)
}

func TestAVersionThatCannotBeRetiredDoesNotKeepTheOthers(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	for _, version := range []string{"1.0.0", "2.0.0"} {
		w.Ready(m, version)
		in := api.DeprecateRequest{Model: m, Version: catalogtest.Version(version), Reason: "old", Sunset: catalogtest.Soon()}
		if _, err := w.Catalog.Deprecate(t.Context(), w.Owner, in); err != nil {
			t.Fatal(err)
		}
	}
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			update versions set sunset = now() - major * interval '-1 second' - interval '1 minute';
			create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
			create trigger refuse before update on versions for each row when (old.version = '1.0.0') execute function refuse();`)
		return err
	})
	if n, err := w.Catalog.RetireDue(t.Context(), "sweep", 10); err == nil || n != 1 {
		t.Errorf("retired %d, %v, want 1 and why the other stays", n, err)
	}
}
