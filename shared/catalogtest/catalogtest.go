// Package catalogtest gives tests a database with a tenant, models and versions in it. Versions get there without an object store.
package catalogtest

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// World is identitytest's, with the catalog and the deployments of its tenants.
type World struct {
	*identitytest.World

	Events      *outbox.Outbox
	Catalog     *catalog.Catalog
	Deployments *deployment.Deployments
	Announced   *atomic.Int64 // how often caches were told of a change

	announce catalog.Announce
	t        testing.TB
}

// Bucket is where the world's manifests would lie.
const Bucket = "maas"

// New returns a new world with the tenant acme, without models. It is removed when the test ends.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{World: identitytest.New(t), Announced: new(atomic.Int64), t: t}
	events, err := outbox.Open(t.Context(), w.Env)
	w.must(err)
	w.announce = func(context.Context, ref.Model, int64) { w.Announced.Add(1) }
	w.Events = events
	w.Catalog = catalog.New(w.Postgres.DB, events, w.announce)
	w.Deployments = deployment.New(w.Postgres.DB, events, w.announce)
	return w
}

// Model creates a model of the name in the owner's tenant, and returns it.
func (w *World) Model(name ref.Name) ref.Model {
	w.t.Helper()
	m, err := w.Catalog.CreateModel(w.t.Context(), w.Owner, api.CreateModelRequest{Name: name})
	w.must(err)
	return m.Model
}

// Limited returns the owner as the principal of an API key that is limited to the models; they must exist.
func (w *World) Limited(models ...ref.Model) auth.Principal {
	w.t.Helper()
	who := w.Owner
	who.Key, who.Limits = "k", &auth.Limits{}
	for _, m := range models {
		bound := auth.BoundModel{Name: m.Name}
		w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
			return conn.QueryRow(ctx, `select id from models where tenant_id = $1 and name = $2`, w.Owner.Tenant, string(m.Name)).Scan(&bound.ID)
		})
		who.Limits.Models = append(who.Limits.Models, bound)
	}
	return who
}

// Draft opens a draft with a file at each path, as uploads would do it, and returns its id. A file's content is its path followed by the version.
func (w *World) Draft(m ref.Model, version string, paths ...string) uuid.UUID {
	w.t.Helper()
	var draft catalog.Draft
	w.Transfer(func(ctx context.Context, tx postgres.Tx) (err error) {
		if draft, err = catalog.OpenDraft(ctx, tx, w.announce, w.Owner, catalog.DraftRequest{Model: m, Version: Version(version)}); err != nil {
			return err
		}
		for _, path := range paths {
			if _, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: draft.ID, Path: path, Artifact: w.Artifact(path + version)}); err != nil {
				return err
			}
		}
		return nil
	})
	return draft.ID
}

// Artifact returns the description of a small ONNX model, FP32 x[-1,2] → FP32 y[-1], whose digest is that of the content. It stores nothing.
func (w *World) Artifact(content string) catalog.Artifact {
	return catalog.Artifact{
		Digest: ref.SumOf([]byte(content)), ObjectKey: string(objects.UploadKey(w.Owner.Tenant, uuid.New())), Size: int64(len(content)), Format: "onnx",
		Inputs:  []api.Tensor{{Name: "x", Datatype: "FP32", Shape: []int64{-1, 2}}},
		Outputs: []api.Tensor{{Name: "y", Datatype: "FP32", Shape: []int64{-1}}},
		Details: map[string]any{"opset": 17},
	}
}

// Transfer runs do in a transaction of the owner's tenant as the role Transfer, to which drafts belong. It ends the test on an error.
func (w *World) Transfer(do func(ctx context.Context, tx postgres.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.Postgres.As(postgres.Transfer).Tx(ctx, w.Owner.Tenant, func(tx postgres.Tx) error { return do(ctx, tx) }))
}

const publishSQL = `
	update versions set status = 'published', published_at = clock_timestamp(), published_by = 'test', digest = $2, uri = $3, size = 1, format = 'onnx',
		runtime = 'maas-onnx', inputs = '[{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]',
		outputs = '[{"name": "y", "datatype": "FP32", "shape": [-1]}]', aliases = $4
	where id = $1`

// Published makes a published version with one file, model.onnx, and returns its id. The version does not run; when it starts, the aliases move to
// it.
func (w *World) Published(m ref.Model, version string, aliases ...string) uuid.UUID {
	w.t.Helper()
	id := w.Draft(m, version, "model.onnx")
	digest := ref.SumOf([]byte(m.String() + version))
	uri := objects.URI{Bucket: Bucket, Tenant: w.Owner.Tenant, Digest: digest}
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, publishSQL, id, digest.String(), uri.String(), append([]string{}, aliases...))
		return err
	})
	return id
}

// Ready makes a published version that runs at Endpoint(id), and returns its id. The aliases lead to it.
func (w *World) Ready(m ref.Model, version string, aliases ...string) uuid.UUID {
	w.t.Helper()
	id := w.Published(m, version, aliases...)
	w.Start(id)
	return id
}

// Start reports that a published version has started and runs at its Endpoint.
func (w *World) Start(version uuid.UUID) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.Deployments.Begin(ctx, w.Owner.Tenant, version))
	w.must(w.Deployments.Ready(ctx, w.Owner.Tenant, version, Endpoint(version), api.StartPhases{Schedule: 1, Fetch: 2, Load: 3}))
}

// Endpoint returns the endpoint that Start reports for a version. Nothing answers there.
func Endpoint(version uuid.UUID) string { return "http://127.0.0.1:1/" + version.String() }

// Version parses a version. It panics if it is malformed.
func Version(s string) ref.Version {
	v, err := ref.ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// Ref parses a selector, which is what follows the @ of a reference. It panics if it is malformed.
func Ref(s string) ref.Selector {
	selector, err := ref.ParseSelector(s)
	if err != nil {
		panic(err)
	}
	return selector
}

// Count returns the number that a query gives. It sees the rows of all tenants.
func (w *World) Count(query string, arguments ...any) (n int) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, query, arguments...).Scan(&n)
	})
	return n
}

// AssertWrote fails the test unless the outbox holds so many events of the payload's type.
func (w *World) AssertWrote(kind event.Payload, want int) {
	w.t.Helper()
	if got := w.Count("select count(*) from outbox where type = $1", string(kind.EventType())); got != want {
		w.t.Errorf("the outbox holds %d events %s, want %d", got, kind.EventType(), want)
	}
}

// Alias returns the traffic of an alias, "1.4.0" or "1.4.0=90 1.5.0=10", and "" if it leads nowhere.
func (w *World) Alias(m ref.Model, alias string) string {
	w.t.Helper()
	r, err := w.Catalog.Resolve(w.t.Context(), w.Owner, catalog.Resolve{VersionRequest: api.VersionRequest{Model: m, Ref: Ref(alias)}})
	if err != nil {
		return ""
	}
	if len(r.Traffic) == 1 {
		return r.Version.String()
	}
	shares := make([]string, len(r.Traffic))
	for i, share := range r.Traffic {
		shares[i] = share.Version.String() + "=" + strconv.Itoa(share.Weight)
	}
	return strings.Join(shares, " ")
}

// Soon returns the time in an hour, for a sunset.
func Soon() time.Time { return time.Now().Add(time.Hour) }

// Other creates the tenant rival, and returns its owner.
func (w *World) Other() auth.Principal { return w.Tenant("rival") }

// must ends the test on an error.
func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
