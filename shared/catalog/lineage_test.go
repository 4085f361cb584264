package catalog_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/postgres"
)

// derive makes a draft out of a parent, and calls its data, run and commit after its model.
func derive(w *catalogtest.World, m ref.Model, version, parent string) {
	name := string(m.Name)
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		_, err := catalog.OpenDraft(ctx, tx, nil, w.Owner, catalog.DraftRequest{
			Model: m, Version: catalogtest.Version(version),
			Lineage: api.Lineage{Parent: parent, Commit: name + "-commit", Data: name + "-data", Run: name + "-run"},
		})
		return err
	})
}

// TestALimitedKeyReadsNothingOfOtherModels asks for all that is read by joins, in a family of versions of three models.
func TestALimitedKeyReadsNothingOfOtherModels(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	secret, own, other := w.Model("secret"), w.Model("own"), w.Model("other")
	derive(w, own, "0.1.0", "")
	derive(w, secret, "1.0.0", "acme/own@0.1.0")
	derive(w, own, "1.0.0", "acme/secret@1.0.0")
	derive(w, own, "1.1.0", "acme/own@1.0.0")
	derive(w, other, "1.0.0", "acme/own@1.0.0")
	who, v := w.Limited(own), catalogtest.Ref("1.0.0")

	lineage, err := w.Catalog.GetLineage(t.Context(), who, api.VersionRequest{Model: own, Ref: v})
	if err != nil {
		t.Fatal(err)
	}
	version, err := w.Catalog.GetVersion(t.Context(), who, api.VersionRequest{Model: own, Ref: v})
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Catalog.ListVersions(t.Context(), who, api.ListVersionsRequest{Model: own, Request: page.Request{Size: 10}})
	if err != nil {
		t.Fatal(err)
	}
	changelog := api.Changelog("new")
	changed, err := w.Catalog.UpdateVersion(t.Context(), who, api.UpdateVersionRequest{Model: own, Version: version.Version, Changelog: &changelog})
	if err != nil {
		t.Fatal(err)
	}
	models, err := w.Catalog.ListModels(t.Context(), who, api.ListModelsRequest{Request: page.Request{Size: 10}})
	if err != nil {
		t.Fatal(err)
	}

	for name, answer := range map[string]any{"lineage": lineage, "version": version, "versions": list, "update": changed, "models": models} {
		text, err := json.Marshal(answer)
		if err != nil || strings.Contains(string(text), "secret") || strings.Contains(string(text), "other") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if len(lineage.Ancestors) != 1 || lineage.Ancestors[0].Version != "acme/own@0.1.0" || len(lineage.Children) != 1 || lineage.Children[0] != "acme/own@1.1.0" {
		t.Errorf("of its own model it reads %+v", lineage)
	}
	whole, err := w.Catalog.GetLineage(t.Context(), w.Owner, api.VersionRequest{Model: own, Ref: v})
	if err != nil || whole.Lineage.Parent != "acme/secret@1.0.0" || len(whole.Ancestors) != 2 || len(whole.Children) != 2 {
		t.Errorf("the owner reads %+v, %v", whole, err)
	}
}

// TestALimitedKeyNamesNoParentOfOtherModels makes sure that a model that there is, and one that there is not, are answered the same.
func TestALimitedKeyNamesNoParentOfOtherModels(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	own, secret := w.Model("own"), w.Model("secret")
	w.Draft(secret, "1.0.0")
	said := map[string]string{}
	for _, parent := range []string{"secret", "absent"} {
		err := w.Postgres.As(postgres.Transfer).Tx(t.Context(), w.Owner.Tenant, func(tx postgres.Tx) error {
			_, err := catalog.OpenDraft(t.Context(), tx, nil, w.Limited(own), catalog.DraftRequest{
				Model: own, Version: catalogtest.Version("1.0.0"), Lineage: api.Lineage{Parent: "acme/" + parent + "@1.0.0"},
			})
			return err
		})
		faulttest.AssertKind(t, err, fault.Invalid, "lineage.parent")
		said[parent] = strings.ReplaceAll(err.Error(), parent, "")
	}
	if said["secret"] != said["absent"] {
		t.Errorf("they are told apart: %q", said)
	}
}
