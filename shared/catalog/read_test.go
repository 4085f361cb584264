package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/cachetest"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/postgres"
)

// process is a process of its own in a world, with a cache that hears of changes.
type process struct {
	*catalog.Publisher

	deployments *deployment.Deployments
	announce    catalog.Announce
	store       *cache.Store
}

func newProcess(t *testing.T, w *catalogtest.World, redis cachetest.Redis) process {
	t.Helper()
	vars := maps.Clone(w.Vars)
	vars["REDIS_URL"] = redis.URL
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := catalog.Open(t.Context(), e)
	must(t, err)
	p := process{Publisher: catalog.NewPublisher(c, objectstest.New(t))}
	p.deployments, err = deployment.Open(t.Context(), e)
	must(t, err)
	p.announce, err = catalog.OpenAnnounce(e)
	must(t, err)
	p.store, err = cache.Open(e)
	must(t, err)
	for end := time.Now().Add(20 * time.Second); p.store.Stats(t.Context()).Redis != "connected"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the cache is not connected within 20 s")
		}
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// everything is all that can be read of a model, in JSON, with the errors of what cannot.
func everything(ctx context.Context, c *catalog.Catalog, who auth.Principal, m ref.Model) map[string]string {
	all := map[string]string{}
	note := func(name string, value any, err error) {
		text, _ := json.Marshal(value)
		all[name] = string(text)
		if err != nil {
			all[name] = fault.From(err).Error()
		}
	}
	model, err := c.GetModel(ctx, who, api.ModelRequest{Model: m})
	note("model", model, err)
	for _, selector := range []string{"latest", "v1", "production", "~1", "1.0.0", "2.0.0", "3.0.0", "4.0.0"} {
		v, err := c.GetVersion(ctx, who, api.VersionRequest{Model: m, Ref: catalogtest.Ref(selector)})
		note("version "+selector, v, err)
	}
	for _, status := range []api.VersionStatus{"", api.VersionPublished} {
		versions, err := c.ListVersions(ctx, who, api.ListVersionsRequest{Model: m, Request: page.Request{Size: page.DefaultSize}, Status: status})
		note("versions "+string(status), versions, err)
	}
	aliases, err := c.ListAliases(ctx, who, api.ListAliasesRequest{Model: m, Request: page.Request{Size: page.DefaultSize}})
	note("aliases", aliases, err)
	return all
}

// scene is a model with a version that runs, 1.0.0, one that failed, 2.0.0, and a draft, 3.0.0; there is no 4.0.0.
type scene struct {
	*catalogtest.World
	process

	model                  ref.Model
	running, failed, draft uuid.UUID
}

func newScene(t *testing.T, w *catalogtest.World, by process, model ref.Name) scene {
	t.Helper()
	s := scene{World: w, process: by, model: w.Model(model)}
	s.running = w.Ready(s.model, "1.0.0")
	s.failed = w.Published(s.model, "2.0.0")
	must(t, w.Deployments.Failed(t.Context(), w.Owner.Tenant, s.failed, "it crashed"))
	s.draft = w.Draft(s.model, "3.0.0")
	return s
}

// writes are all writes that change what is read of a model. Each is done by a process other than those that read.
var writes = map[string]func(ctx context.Context, s scene) error{
	"a model is described": func(ctx context.Context, s scene) error {
		text := api.Description("finds fraud")
		_, err := s.UpdateModel(ctx, s.Owner, api.UpdateModelRequest{Model: s.model, Description: &text})
		return err
	},
	"a model is deleted": func(ctx context.Context, s scene) error {
		_, err := s.DeleteModel(ctx, s.Owner, api.DeleteModelRequest{Model: s.model, Force: true})
		return err
	},
	"a model is made again": func(ctx context.Context, s scene) error {
		if _, err := s.DeleteModel(ctx, s.Owner, api.DeleteModelRequest{Model: s.model, Force: true}); err != nil {
			return err
		}
		_, err := s.CreateModel(ctx, s.Owner, api.CreateModelRequest{Name: s.model.Name})
		return err
	},
	"a draft is opened": func(ctx context.Context, s scene) error {
		return s.transfer(ctx, func(tx postgres.Tx) error {
			_, err := catalog.OpenDraft(ctx, tx, s.announce, s.Owner, catalog.DraftRequest{Model: s.model, Version: catalogtest.Version("4.0.0")})
			return err
		})
	},
	"a draft gets a lineage": func(ctx context.Context, s scene) error {
		return s.transfer(ctx, func(tx postgres.Tx) error {
			_, err := catalog.OpenDraft(ctx, tx, s.announce, s.Owner, catalog.DraftRequest{
				Model: s.model, Version: catalogtest.Version("3.0.0"), Lineage: api.Lineage{Parent: s.model.String() + "@1.0.0", Run: "7"},
			})
			return err
		})
	},
	"a draft gets a file": func(ctx context.Context, s scene) error {
		return s.transfer(ctx, func(tx postgres.Tx) error {
			_, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: s.draft, Path: "model.onnx", Artifact: s.Artifact("more")})
			return err
		})
	},
	"a draft is dropped": func(ctx context.Context, s scene) error {
		return s.transfer(ctx, func(tx postgres.Tx) error { return catalog.DropEmptyDraft(ctx, tx, s.draft) })
	},
	"a draft is described": func(ctx context.Context, s scene) error {
		text := api.Changelog("more")
		_, err := s.UpdateVersion(ctx, s.Owner, api.UpdateVersionRequest{Model: s.model, Version: catalogtest.Version("3.0.0"), Changelog: &text})
		return err
	},
	"a version is published": func(ctx context.Context, s scene) error {
		err := s.transfer(ctx, func(tx postgres.Tx) error {
			_, err := catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: s.draft, Path: "model.onnx", Artifact: s.Artifact("more")})
			return err
		})
		if err == nil {
			_, err = s.Publish(ctx, s.Owner, publish(s.model, "3.0.0"))
		}
		return err
	},
	"a failed version is published again": func(ctx context.Context, s scene) error {
		_, err := s.Publish(ctx, s.Owner, publish(s.model, "2.0.0"))
		return err
	},
	"a failed version is resolved": func(ctx context.Context, s scene) error {
		_, err := s.Resolve(ctx, s.Owner, catalog.Resolve{VersionRequest: api.VersionRequest{Model: s.model, Ref: catalogtest.Ref("2.0.0")}})
		return err
	},
	"an alias is made": func(ctx context.Context, s scene) error {
		_, err := s.SetAlias(ctx, s.Owner, set(s.model, "production", "1.0.0"))
		return err
	},
	"an alias is rolled back": func(ctx context.Context, s scene) error {
		s.Ready(s.model, "1.1.0") // by a world that tells no cache
		if _, err := s.SetAlias(ctx, s.Owner, set(s.model, "production", "1.0.0")); err != nil {
			return err
		}
		if _, err := s.SetAlias(ctx, s.Owner, set(s.model, "production", "1.1.0")); err != nil {
			return err
		}
		_, err := s.Rollback(ctx, s.Owner, api.RollbackRequest{Model: s.model, Alias: "production"})
		return err
	},
	"a version is deprecated": func(ctx context.Context, s scene) error {
		_, err := s.Deprecate(ctx, s.Owner, api.DeprecateRequest{Model: s.model, Version: catalogtest.Version("1.0.0"), Reason: "old", Sunset: catalogtest.Soon()})
		return err
	},
	"a version is retired": func(ctx context.Context, s scene) error {
		_, err := s.Retire(ctx, s.Owner, api.RetireRequest{Model: s.model, Version: catalogtest.Version("1.0.0")})
		return err
	},
	"a deployment waits": func(ctx context.Context, s scene) error {
		return s.deployments.Request(ctx, s.Owner.Tenant, s.failed, "no room")
	},
	"a deployment starts": func(ctx context.Context, s scene) error {
		return s.deployments.Begin(ctx, s.Owner.Tenant, s.failed)
	},
	"a deployment is ready": func(ctx context.Context, s scene) error {
		return s.deployments.Ready(ctx, s.Owner.Tenant, s.failed, "http://127.0.0.1:1", api.StartPhases{Load: 1})
	},
	"a deployment is idle": func(ctx context.Context, s scene) error {
		return s.deployments.Idle(ctx, s.Owner.Tenant, s.running)
	},
	"a deployment is lost": func(ctx context.Context, s scene) error {
		return s.deployments.Lost(ctx, s.Owner.Tenant, s.running)
	},
	"a deployment fails": func(ctx context.Context, s scene) error {
		return s.deployments.Failed(ctx, s.Owner.Tenant, s.running, "it crashed")
	},
	"a deployment is tried again": func(ctx context.Context, s scene) error {
		_, err := s.deployments.Retry(ctx, s.Owner.Tenant, s.failed, deployment.Setback{Reason: "no room"})
		return err
	},
	"a deployment is removed": func(ctx context.Context, s scene) error {
		return s.deployments.Removed(ctx, s.Owner.Tenant, s.running)
	},
}

func (s scene) transfer(ctx context.Context, do func(tx postgres.Tx) error) error {
	return s.Postgres.As(postgres.Transfer).Tx(ctx, s.Owner.Tenant, do)
}

// What is kept lives a minute in a process and ten in Redis, so that a writer which raises no epoch, or tells nobody of it, is found out.
func TestAReadShowsWhatAnotherProcessHasWritten(t *testing.T) {
	t.Parallel()
	w, redis := catalogtest.New(t), cachetest.New(t)
	reader, writer := newProcess(t, w, redis), newProcess(t, w, redis)
	number := 0
	for name, write := range writes {
		number++
		model := ref.Name(fmt.Sprintf("m%d", number))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, w, writer, model)
			before := everything(t.Context(), reader.Catalog, w.Owner, s.model)
			assertSame(t, everything(t.Context(), reader.Catalog, w.Owner, s.model), before)

			must(t, write(t.Context(), s))

			got := everything(t.Context(), reader.Catalog, w.Owner, s.model)
			want := everything(t.Context(), w.Catalog, w.Owner, s.model) // which keeps nothing
			if maps.Equal(before, want) {
				t.Fatal("it changes nothing that is read")
			}
			for end := time.Now().Add(5 * time.Second); !maps.Equal(got, want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				got = everything(t.Context(), reader.Catalog, w.Owner, s.model)
			}
			assertSame(t, got, want)
		})
	}
}

func TestWhatIsKeptIsShownToThoseAloneWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), catalogtest.New(t)
	own, secret := w.Model("own"), w.Model("secret")
	w.Ready(secret, "1.0.0")
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		_, err := catalog.OpenDraft(ctx, tx, nil, w.Owner, catalog.DraftRequest{
			Model: own, Version: catalogtest.Version("1.0.0"), Lineage: api.Lineage{Parent: "acme/secret@1.0.0"},
		})
		return err
	})
	w.Ready(own, "1.0.0")
	limited, namesake := w.Limited(own), w.Limited(own)
	namesake.Limits = &auth.Limits{Models: []auth.BoundModel{{ID: uuid.New(), Name: "own"}}} // of a model that had the name before
	p := newProcess(t, w, cachetest.New(t))
	kept := everything(ctx, p.Catalog, w.Owner, own)
	if !strings.Contains(kept["version 1.0.0"], "acme/secret@1.0.0") {
		t.Errorf("the owner reads %s", kept["version 1.0.0"])
	}

	assertSame(t, everything(ctx, p.Catalog, limited, own), everything(ctx, w.Catalog, limited, own))
	assertSame(t, everything(ctx, p.Catalog, w.Owner, own), kept) // hiding something from one hides it from nobody else
	for name, who := range map[string]auth.Principal{"a key for its namesake": namesake, "a key for none": w.Limited(), "another tenant": w.Other()} {
		for what, text := range everything(ctx, p.Catalog, who, own) {
			if text != "There is no model acme/own." {
				t.Errorf("%s: %s is %s", name, what, text)
			}
		}
	}
}

func assertSame(t *testing.T, got, want map[string]string) {
	t.Helper()
	for what, text := range want {
		if got[what] != text {
			t.Errorf("%s is %s, not %s", what, got[what], text)
		}
	}
}
