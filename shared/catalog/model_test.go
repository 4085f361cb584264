package catalog_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/idempotency"
)

var firstPage = page.Request{Size: page.DefaultSize}

func TestAModelIsAsItWasMade(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	made, err := w.Catalog.CreateModel(t.Context(), w.Owner, api.CreateModelRequest{
		Name: "fraud", Description: "finds fraud", Framework: "pytorch", Tags: api.Tags{"cards", "risk"},
		Metadata: api.Metadata{"rows": json.Number("12345678901234567890")}, License: "MIT",
	})
	if err != nil {
		t.Fatal(err)
	}
	read, err := w.Catalog.GetModel(t.Context(), w.Owner, api.ModelRequest{Model: made.Model})
	if err != nil {
		t.Fatal(err)
	}
	if read.ETag() != made.ETag() || read.Model.String() != "acme/fraud" || read.Latest != nil || read.CreatedBy != w.Owner.Actor() {
		t.Errorf("read %+v, made %+v", read, made)
	}
	if text, _ := json.Marshal(read.Metadata); string(text) != `{"rows":12345678901234567890}` {
		t.Errorf("the number has lost digits: %s", text)
	}
	if w.Audited(w.Owner, "model.create", "done") != 1 {
		t.Error("the audit log does not say that the model was made")
	}
}

// TestEachFieldOfAModelIsStored compares the members of requests with those of the model that comes back.
func TestEachFieldOfAModelIsStored(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	description, label, tags, metadata := api.Description("new"), api.Label("new"), api.Tags{"new"}, api.Metadata{"new": "new"}

	create := api.CreateModelRequest{Name: "fraud", Description: "old", Framework: "old", Tags: api.Tags{"old"}, Metadata: api.Metadata{"old": "old"}, License: "old"}
	made, err := w.Catalog.CreateModel(t.Context(), w.Owner, create)
	if err != nil {
		t.Fatal(err)
	}
	assertStored(t, create, made)
	update := api.UpdateModelRequest{Model: made.Model, Description: &description, Framework: &label, Tags: &tags, Metadata: &metadata, License: &label}
	changed, err := w.Catalog.UpdateModel(t.Context(), w.Owner, update)
	if err != nil {
		t.Fatal(err)
	}
	assertStored(t, update, changed)
	for field, value := range reflect.ValueOf(changed).Fields() {
		if value.IsZero() && field.Name != "Latest" { // no version is ready
			t.Errorf("the model has no %s", field.Name)
		}
	}
}

// assertStored fails the test unless the request has a value for each member that it can carry, and the model has the same.
func assertStored(t *testing.T, request any, m api.Model) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]json.RawMessage
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	for field, value := range reflect.ValueOf(request).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "name" {
			continue
		}
		if want, err := json.Marshal(value.Interface()); err != nil || value.IsZero() || string(want) != string(stored[name]) {
			t.Errorf("the model's %s is %s, want %s (%v)", name, stored[name], want, err)
		}
	}
}

func TestANameIsTakenOnceInATenant(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	w.Model("fraud")
	_, err := w.Catalog.CreateModel(t.Context(), w.Owner, api.CreateModelRequest{Name: "fraud"})
	faulttest.AssertKind(t, err, fault.Conflict, "name")
	if _, err := w.Catalog.CreateModel(t.Context(), w.Other(), api.CreateModelRequest{Name: "fraud"}); err != nil {
		t.Errorf("another tenant cannot have the name: %v", err)
	}
}

func TestARepeatedCreationIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	ctx := idempotency.With(t.Context(), idempotency.Key{Value: "one", Route: "POST /v1/models"})
	first, err := w.Catalog.CreateModel(ctx, w.Owner, api.CreateModelRequest{Name: "fraud"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Catalog.CreateModel(ctx, w.Owner, api.CreateModelRequest{Name: "fraud"})
	if err != nil || again.ETag() != first.ETag() {
		t.Errorf("the repetition gave %+v, %v", again, err)
	}
}

func TestAnUpdateChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	description, tags := api.Description("new"), api.Tags{"a"}
	if _, err := w.Catalog.UpdateModel(t.Context(), w.Owner, api.UpdateModelRequest{Model: m, Description: &description}); err != nil {
		t.Fatal(err)
	}
	got, err := w.Catalog.UpdateModel(t.Context(), w.Owner, api.UpdateModelRequest{Model: m, Tags: &tags})
	if err != nil || got.Description != "new" || !slices.Equal(got.Tags, tags) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnUpdateOfAnotherStateIsRefused(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	read, err := w.Catalog.GetModel(t.Context(), w.Owner, api.ModelRequest{Model: m})
	if err != nil {
		t.Fatal(err)
	}
	license := api.Label("MIT")
	in := api.UpdateModelRequest{Model: m, IfMatch: condition.Tag(read.ETag()), License: &license}
	if _, err := w.Catalog.UpdateModel(t.Context(), w.Owner, in); err != nil {
		t.Fatal(err)
	}
	license = "BSD"
	_, err = w.Catalog.UpdateModel(t.Context(), w.Owner, in)
	faulttest.AssertKind(t, err, fault.PreconditionFailed, "If-Match")
}

func TestAModelThatIsToBeEmptyIsDeletedOnlyWhileItIs(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m, empty := w.Model("fraud"), w.Model("empty")
	w.Ready(m, "1.0.0", "production")

	_, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: m, Empty: true, Force: true})

	faulttest.AssertKind(t, err, fault.Conflict, "empty")
	if _, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: empty, Empty: true}); err != nil {
		t.Error(err)
	}
}

func TestAModelWithPublishedVersionsIsDeletedOnlyByForce(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	_, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: m})
	faulttest.AssertKind(t, err, fault.Conflict, "force")
	if _, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: m, Force: true}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Catalog.GetModel(t.Context(), w.Owner, api.ModelRequest{Model: m})
	faulttest.AssertKind(t, err, fault.NotFound, "model")
	w.AssertWrote(event.ModelDeleted{}, 1)
	if n := w.Count("select count(*) from versions"); n != 0 {
		t.Errorf("%d versions outlive their model", n)
	}
	if n := w.Count("select count(*) from alias_moves"); n == 0 {
		t.Error("the ledger of the aliases is gone")
	}
}

func TestAnotherTenantsModelIsNotThere(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	rival := w.Other()
	own := ref.Model{Tenant: rival.TenantName, Name: m.Name}
	for _, name := range []ref.Model{m, own} {
		_, err := w.Catalog.GetModel(t.Context(), rival, api.ModelRequest{Model: name})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
		_, err = w.Catalog.DeleteModel(t.Context(), rival, api.DeleteModelRequest{Model: name, Force: true})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
	}
	if found, err := w.Catalog.ListModels(t.Context(), rival, api.ListModelsRequest{Request: firstPage}); err != nil || len(found.Items) != 0 {
		t.Errorf("the rival sees %v, %v", found.Items, err)
	}
	if found, err := w.Catalog.ListModels(t.Context(), rival, api.ListModelsRequest{Request: firstPage, Query: "fraud"}); err != nil || len(found.Items) != 0 {
		t.Errorf("the rival finds %v, %v", found.Items, err)
	}
}

func TestAKeySeesOnlyItsModels(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	w.Model("fraud")
	limited := w.Limited(w.Model("digits"))
	found, err := w.Catalog.ListModels(t.Context(), limited, api.ListModelsRequest{Request: firstPage})
	if err != nil || len(found.Items) != 1 || found.Items[0].Model.Name != "digits" {
		t.Errorf("the key sees %v, %v", found.Items, err)
	}
	_, err = w.Catalog.CreateModel(t.Context(), limited, api.CreateModelRequest{Name: "new"})
	faulttest.AssertKind(t, err, fault.Forbidden)
}

// TestAKeyOfADeletedModelDoesNotSeeTheNextOfItsName deletes one of the two models of a key, and makes another of its name, whose parent is of that name.
func TestAKeyOfADeletedModelDoesNotSeeTheNextOfItsName(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	fraud, digits := w.Model("fraud"), w.Model("digits")
	old, gone := w.Limited(fraud, digits), w.Limited(fraud)
	pattern := w.Owner
	pattern.Key, pattern.Limits = "p", &auth.Limits{Patterns: []ref.Pattern{{Tenant: "acme", Name: "fra*"}}}
	_, err := w.Catalog.DeleteModel(t.Context(), w.Owner, api.DeleteModelRequest{Model: fraud})
	if err != nil {
		t.Fatal(err)
	}
	w.Model("fraud")
	w.Ready(fraud, "1.0.0")
	derive(w, digits, "1.0.0", "acme/fraud@1.0.0")

	for name, who := range map[string]auth.Principal{"of both": old, "of the deleted one": gone} {
		_, err := w.Catalog.GetModel(t.Context(), who, api.ModelRequest{Model: fraud})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
		_, err = w.Catalog.GetVersion(t.Context(), who, api.VersionRequest{Model: fraud, Ref: catalogtest.Ref("1.0.0")})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
		_, err = w.Catalog.Resolve(t.Context(), who, catalog.Resolve{VersionRequest: api.VersionRequest{Model: fraud, Ref: catalogtest.Ref("1.0.0")}})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
		_, err = w.Catalog.DeleteModel(t.Context(), who, api.DeleteModelRequest{Model: fraud, Force: true})
		faulttest.AssertKind(t, err, fault.NotFound, "model")
		found, err := w.Catalog.ListModels(t.Context(), who, api.ListModelsRequest{Request: firstPage})
		if err != nil || strings.Contains(names(found.Items), "fraud") {
			t.Errorf("the key %s lists %v, %v", name, found.Items, err)
		}
	}
	v, err := w.Catalog.GetVersion(t.Context(), old, api.VersionRequest{Model: digits, Ref: catalogtest.Ref("1.0.0")})
	if err != nil || v.Lineage.Parent != "" {
		t.Errorf("of its other model it reads %+v, %v", v.Lineage, err)
	}
	found, err := w.Catalog.ListModels(t.Context(), pattern, api.ListModelsRequest{Request: firstPage})
	if err != nil || names(found.Items) != "fraud" {
		t.Errorf("the key of a pattern lists %v, %v", found.Items, err)
	}
	r, err := w.Catalog.Resolve(t.Context(), pattern, catalog.Resolve{VersionRequest: api.VersionRequest{Model: fraud, Ref: catalogtest.Ref("1.0.0")}})
	if err != nil || r.ModelID != w.Limited(fraud).Limits.Models[0].ID {
		t.Errorf("for it the name leads to %+v, %v", r, err)
	}
}

func names(models []api.Model) string {
	all := make([]string, len(models))
	for i, m := range models {
		all[i] = string(m.Model.Name)
	}
	return strings.Join(all, " ")
}

func TestSearchForgivesTypingErrors(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	for name, description := range map[ref.Name]api.Description{
		"fraud": "flags stolen cards", "digits": "reads handwriting", "churn": "predicts who leaves", "fraud-cards": "the older one",
	} {
		if _, err := w.Catalog.CreateModel(t.Context(), w.Owner, api.CreateModelRequest{Name: name, Description: description}); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[api.ModelQuery]string{
		"fraud": "fraud fraud-cards", "frud": "fraud fraud-cards", "handwriing": "digits", "who leaves": "churn", "zebra": "",
	} {
		found, err := w.Catalog.ListModels(t.Context(), w.Owner, api.ListModelsRequest{Request: firstPage, Query: query})
		got := strings.Fields(names(found.Items))
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q finds %q, %v, want %q", query, names(found.Items), err, want)
		}
	}
}

func TestAListIsReadPageByPageInEachOrder(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	for i := range 7 {
		w.Model(ref.Name(fmt.Sprintf("card-%d", i)))
	}
	for order, want := range map[api.ModelOrder]string{
		api.ByName:    "card-0 card-1 card-2 card-3 card-4 card-5 card-6",
		api.ByCreated: "card-6 card-5 card-4 card-3 card-2 card-1 card-0",
		api.ByUpdated: "card-6 card-5 card-4 card-3 card-2 card-1 card-0",
	} {
		if got := walk(t, w, api.ListModelsRequest{Order: order}); got != want {
			t.Errorf("%s: %s, want %s", order, got, want)
		}
	}
	if got := strings.Fields(walk(t, w, api.ListModelsRequest{Query: "card"})); len(got) != 7 {
		t.Errorf("by relevance: %v", got)
	}
}

// walk reads a list in pages of 3.
func walk(t *testing.T, w *catalogtest.World, in api.ListModelsRequest) string {
	t.Helper()
	var all []api.Model
	for in.Request = (page.Request{Size: 3}); ; {
		found, err := w.Catalog.ListModels(t.Context(), w.Owner, in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found.Items...)
		if in.After = found.Next; in.After == "" {
			return names(all)
		}
	}
}

func TestTheFirstPageCountsByFacets(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	for name, tags := range map[ref.Name]api.Tags{"a": {"risk", "cards"}, "b": {"risk"}, "c": nil} {
		if _, err := w.Catalog.CreateModel(t.Context(), w.Owner, api.CreateModelRequest{Name: name, Tags: tags, Framework: "onnx"}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := w.Catalog.ListModels(t.Context(), w.Owner, api.ListModelsRequest{Request: page.Request{Size: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if f := found.Facets; f == nil || f.Tags["risk"] != 2 || f.Tags["cards"] != 1 || f.Frameworks["onnx"] != 3 || f.Licenses == nil || len(f.Licenses) != 0 {
		t.Errorf("facets %+v", f)
	}
	narrow, err := w.Catalog.ListModels(t.Context(), w.Owner, api.ListModelsRequest{Request: firstPage, Tag: "cards"})
	if err != nil || names(narrow.Items) != "a" || narrow.Facets.Tags["risk"] != 1 {
		t.Errorf("narrowed to %s, %v", names(narrow.Items), err)
	}
}

func TestSystemFunctionsMayActForATenant(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	if _, err := w.Catalog.GetModel(t.Context(), auth.System("infer", w.Owner.Tenant, w.Owner.TenantName), api.ModelRequest{Model: m}); err != nil {
		t.Error(err)
	}
}
