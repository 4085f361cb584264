package catalog_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/postgres"
)

// press is a world with an object store, so that drafts can be published.
type press struct {
	*catalogtest.World
	*catalog.Publisher

	store *objects.Store
}

func newPress(t *testing.T) press {
	t.Helper()
	w, store := catalogtest.New(t), objectstest.New(t)
	return press{w, catalog.NewPublisher(w.Catalog, store), store}
}

func publish(m ref.Model, version string) api.PublishRequest {
	return api.PublishRequest{Model: m, Version: catalogtest.Version(version)}
}

func TestPublishingFreezesTheFilesIntoAManifest(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.Draft(m, "1.0.0", "model.onnx", "a/notes.onnx")
	in := publish(m, "1.0.0")
	changelog := api.Changelog("first")
	in.Changelog, in.Aliases, in.Deterministic = &changelog, api.AliasNames{"production"}, true
	v, err := p.Publish(t.Context(), p.Owner, in)
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != api.VersionPublished || v.Runtime != "maas-onnx" || v.Changelog != "first" || !v.Deterministic || v.MaxReplicas != 3 || v.PublishedAt == nil {
		t.Errorf("%+v", v)
	}
	encoded, err := p.store.Get(t.Context(), objects.ManifestKey(p.Owner.Tenant, v.Digest), objects.MaxManifest)
	if err != nil || ref.SumOf(encoded) != v.Digest {
		t.Fatalf("the manifest does not hash to the version's digest: %v", err)
	}
	manifest, err := objects.ParseManifest(p.Owner.Tenant, encoded)
	if err != nil || len(manifest) != 2 || manifest[0].Path != "a/notes.onnx" || manifest.Size() != v.Size {
		t.Errorf("manifest %v, %v", manifest, err)
	}
	if uri, err := objects.ParseURI(v.URI); err != nil || uri.Digest != v.Digest || uri.Tenant != p.Owner.Tenant {
		t.Errorf("URI %s, %v", v.URI, err)
	}
	p.AssertWrote(event.VersionPublished{}, 1)
	if p.Audited(p.Owner, "version.publish", "done") != 1 {
		t.Error("the audit log does not say that it was published")
	}
}

func TestVersionsThatCannotBePublished(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.Published(m, "1.0.0")
	p.Draft(m, "2.0.0")
	p.Draft(m, "3.0.0", "a.onnx", "b.onnx")
	p.Draft(m, "4.0.0", "model.onnx")
	other, replicas := publish(m, "4.0.0"), publish(m, "4.0.0")
	other.Runtime = "triton"
	fewer := api.Replicas(1)
	replicas.MinReplicas, replicas.MaxReplicas = 2, &fewer
	for name, c := range map[string]struct {
		in    api.PublishRequest
		kind  fault.Kind
		field string
	}{
		"published":      {publish(m, "1.0.0"), fault.Conflict, "version"},
		"no files":       {publish(m, "2.0.0"), fault.Unprocessable, "version"},
		"two models":     {publish(m, "3.0.0"), fault.Unprocessable, "files"},
		"no version":     {publish(m, "9.0.0"), fault.NotFound, "version"},
		"no model":       {publish(ref.Model{Tenant: "acme", Name: "none"}, "1.0.0"), fault.NotFound, "model"},
		"other tenant":   {publish(ref.Model{Tenant: "rival", Name: "fraud"}, "4.0.0"), fault.NotFound, "model"},
		"other runtime":  {other, fault.Unprocessable, "runtime"},
		"fewer than min": {replicas, fault.Invalid, "max_replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Publish(t.Context(), p.Owner, c.in)
			faulttest.AssertKind(t, err, c.kind, c.field)
		})
	}
}

func TestPublishingWaitsForOpenUploads(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	id := p.Draft(m, "1.0.0", "model.onnx")
	p.World.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			insert into uploads (id, tenant_id, version_id, model, version, path, size, chunk_size, first_chunk_size, chunk_count, multipart, owner, expires_at)
			values (gen_random_uuid(), $1, $2, 'acme/fraud', '1.0.0', 'weights.bin', 1, 1, 1, 1, 'm', 'user', now())`, p.Owner.Tenant, id)
		return err
	})
	_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))
	faulttest.AssertKind(t, err, fault.Conflict, "version")
}

func TestOfSeveralModelsTheOneCalledModelIsServed(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.Draft(m, "1.0.0", "model.onnx", "model.parts/a.onnx", "a.onnx")
	if _, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0")); err != nil {
		t.Error(err)
	}
	p.Draft(m, "1.1.0", "model.a", "model.b")
	_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.1.0"))
	faulttest.AssertKind(t, err, fault.Unprocessable, "files")
}

// attach puts a file into a draft, as its upload would.
func (p press) attach(m ref.Model, version, path string, a catalog.Artifact) {
	p.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		draft, err := catalog.OpenDraft(ctx, tx, nil, p.Owner, catalog.DraftRequest{Model: m, Version: catalogtest.Version(version)})
		if err != nil {
			return err
		}
		_, err = catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: draft.ID, Path: path, Artifact: a})
		return err
	})
}

// data returns the artifact of a file that is no model.
func (p press) data(content string, size int64) catalog.Artifact {
	a := p.Artifact(content)
	a.Format, a.Size, a.Inputs, a.Outputs, a.Details = "data", size, nil, nil, nil
	return a
}

func TestAVersionIsPublishedWithTheDataThatItsModelNeeds(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	const size = 3 << 30
	model := p.Artifact("model")
	model.Details = map[string]any{"external": []formats.ExternalFile{{Path: "w.bin", Size: size, Tensors: 2}}}
	p.attach(m, "1.0.0", "a/model.onnx", model)

	_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))
	faulttest.AssertKind(t, err, fault.Unprocessable, "files[a/w.bin]")
	p.attach(m, "1.0.0", "a/w.bin", p.data("short", size-1))
	_, err = p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))
	faulttest.AssertKind(t, err, fault.Unprocessable, "files[a/w.bin]")
	if v := get(t, p.World, m, "1.0.0"); v.Status != api.VersionDraft || len(v.Inputs) != 1 {
		t.Errorf("%+v", v)
	}
	p.attach(m, "1.0.0", "a/w.bin", p.data("whole", size))
	p.attach(m, "1.0.0", "config.json", p.data("{}", 2))

	v, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))

	if err != nil || v.Status != api.VersionPublished || len(v.Files) != 3 || v.Files[1].Format != "data" || len(v.Inputs) != 1 || v.Size < size {
		t.Errorf("%+v, %v", v, err)
	}
	p.AssertWrote(event.VersionPublished{}, 1)
}

func TestRacingPublicationsPublishOnce(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.Draft(m, "1.0.0", "model.onnx")
	var done atomic.Int64
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			_, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))
			switch {
			case err == nil:
				done.Add(1)
			case !fault.Is(err, fault.Conflict):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if done.Load() != 1 {
		t.Errorf("%d publications succeeded", done.Load())
	}
	p.AssertWrote(event.VersionPublished{}, 1)
}

func TestARepeatedPublicationIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	p.Draft(m, "1.0.0", "model.onnx")
	ctx := idempotency.With(t.Context(), idempotency.Key{Value: "one", Route: "publish"})
	first, err := p.Publish(ctx, p.Owner, publish(m, "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Publish(ctx, p.Owner, publish(m, "1.0.0")); err != nil || again.Digest != first.Digest {
		t.Errorf("%+v, %v", again, err)
	}
}

// A file that is attached while the version is published is in the manifest, or refused: never in the version and not in the manifest.
func TestFilesAttachedDuringAPublication(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	id := p.Draft(m, "1.0.0", "model.onnx")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			err := p.World.Postgres.As(postgres.Transfer).Tx(t.Context(), p.Owner.Tenant, func(tx postgres.Tx) error {
				a := catalog.Attach{VersionID: id, Path: "notes.onnx", Artifact: p.Artifact("notes")}
				_, err := catalog.AttachFile(t.Context(), tx, a)
				return err
			})
			if err != nil && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
		group.Go(func() {
			if _, err := p.Publish(t.Context(), p.Owner, publish(m, "1.0.0")); err != nil && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	v := get(t, p.World, m, "1.0.0")
	encoded, err := p.store.Get(t.Context(), objects.ManifestKey(p.Owner.Tenant, v.Digest), objects.MaxManifest)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err := objects.ParseManifest(p.Owner.Tenant, encoded); err != nil || len(manifest) != len(v.Files) {
		t.Errorf("the version has %d files, its manifest %d, %v", len(v.Files), len(manifest), err)
	}
}

func TestWhatWasFoundInFilesIsReadWithinBounds(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Draft(m, "1.0.0", "a.onnx", "z.onnx")
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		large := w.Artifact("large")
		large.Details = map[string]any{"tensors": []api.Tensor{{Name: strings.Repeat("n", 33<<20)}}}
		_, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: id, Path: "m.onnx", Artifact: large})
		return err
	})
	manifest, err := w.Catalog.GetManifest(t.Context(), w.Owner, api.VersionRequest{Model: m, Ref: catalogtest.Ref("1.0.0")})
	if err != nil || len(manifest.Files) != 3 || string(manifest.Files[0].Details) != `{"opset": 17}` {
		t.Fatalf("%d files, %v", len(manifest.Files), err)
	}
	for _, f := range manifest.Files[1:] {
		if string(f.Details) != `{"omitted": true}` || string(f.Inputs) != "[]" {
			t.Errorf("%s has %d bytes of details", f.Path, len(f.Details))
		}
	}
}

func TestAVersionHasRoomForAThousandFiles(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	id := w.Draft(m, "1.0.0", "first.onnx")
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			insert into version_files (version_id, tenant_id, path, digest)
			select f.version_id, f.tenant_id, n::text, f.digest from version_files f, generate_series(1, 999) as n where f.version_id = $1`, id)
		return err
	})
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		again := catalog.Attach{VersionID: id, Path: "999", Artifact: w.Artifact("again")}
		_, err := catalog.AttachFile(ctx, tx, again)
		return err
	})
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		_, err := catalog.OpenDraft(ctx, tx, nil, w.Owner, catalog.DraftRequest{Model: m, Version: catalogtest.Version("1.0.0"), Path: "1000"})
		faulttest.AssertKind(t, err, fault.Conflict, "path")
		return nil
	})
}

func TestCompareReadsBothVersions(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	w.Draft(m, "1.1.0", "model.onnx", "extra.onnx")
	var pair api.ComparedVersions
	if err := pair.UnmarshalText([]byte("latest...1.1.0")); err != nil {
		t.Fatal(err)
	}
	c, err := w.Catalog.Compare(t.Context(), w.Owner, api.CompareRequest{Model: m, Range: pair})
	if err != nil || c.A.String() != "1.0.0" || len(c.Files.Added) != 1 || len(c.Files.Changed) != 1 || len(c.Inputs.Added) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestObjectsThatARowNeedsAreKnown(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	f, err := w.Catalog.GetFile(t.Context(), w.Owner, api.FileRequest{Model: m, Ref: catalogtest.Ref("latest"), Path: "model.onnx"})
	if err != nil {
		t.Fatal(err)
	}
	manifest := objects.ManifestKey(w.Owner.Tenant, get(t, w, m, "1.0.0").Digest)
	other := objects.ManifestKey(w.Other().Tenant, get(t, w, m, "1.0.0").Digest)
	for key, want := range map[objects.Key]int{
		f.Key: 1, manifest: 1, manifest + "0": 0, "x" + manifest: 0, other: 0, "t/" + other: 0, "t/none/manifests/x": 0, "": 0,
		objects.UploadKey(w.Owner.Tenant, w.Owner.Tenant): 0,
	} {
		if n := w.Count("select count(*) from catalog_objects(array[$1])", string(key)); n != want {
			t.Errorf("%q is known %d times, want %d", key, n, want)
		}
	}
}

func TestFilesAreFoundByVersionAndPath(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	m := w.Model("fraud")
	w.Ready(m, "1.0.0")
	f, err := w.Catalog.GetFile(t.Context(), w.Owner, api.FileRequest{Model: m, Ref: catalogtest.Ref("latest"), Path: "model.onnx"})
	if err != nil || f.Key == "" || f.SHA256 != w.Artifact("model.onnx1.0.0").Digest {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = w.Catalog.GetFile(t.Context(), w.Owner, api.FileRequest{Model: m, Ref: catalogtest.Ref("latest"), Path: "none"})
	faulttest.AssertKind(t, err, fault.NotFound, "path")
	manifest, err := w.Catalog.GetManifest(t.Context(), w.Owner, api.VersionRequest{Model: m, Ref: catalogtest.Ref("^1")})
	if err != nil || len(manifest.Files) != 1 || string(manifest.Files[0].Details) != `{"opset": 17}` {
		t.Errorf("%+v, %v", manifest, err)
	}
}

func TestPublishingAgainTriesAFailedStartAgain(t *testing.T) {
	t.Parallel()
	p := newPress(t)
	m := p.Model("fraud")
	id := p.Published(m, "1.0.0", "production")
	if err := p.Deployments.Failed(t.Context(), p.Owner.Tenant, id, "no opset 99"); err != nil {
		t.Fatal(err)
	}
	other := publish(m, "1.0.0")
	other.MinReplicas = 2
	_, err := p.Publish(t.Context(), p.Owner, other)
	faulttest.AssertKind(t, err, fault.Conflict, "version")
	p.AssertWrote(event.DeploymentWanted{}, 0)

	v, err := p.Publish(t.Context(), p.Owner, api.PublishRequest{Model: m, Version: catalogtest.Version("1.0.0"), Aliases: api.AliasNames{"production"}})
	if err != nil || v.Deployment.Status != "pending" {
		t.Errorf("%+v, %v", v.Deployment, err)
	}
	p.AssertWrote(event.DeploymentWanted{}, 1)

	p.Start(id)
	_, err = p.Publish(t.Context(), p.Owner, publish(m, "1.0.0"))
	faulttest.AssertKind(t, err, fault.Conflict, "version")
}
