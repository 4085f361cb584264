package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

const versionPublished audit.Action = "version.publish"

// Publisher publishes drafts.
type Publisher struct {
	*Catalog

	store *objects.Store
}

// NewPublisher returns a publisher, which keeps manifests in the store.
func NewPublisher(c *Catalog, store *objects.Store) *Publisher { return &Publisher{c, store} }

// manifestTries bounds how often a publication begins anew because a file was attached meanwhile.
const manifestTries = 3

// Publish freezes a draft's files into a manifest, which names the version from then on, and asks for its deployment.
//
// A published version whose start failed is not published anew: its start is tried again at once.
//
// It fails with Conflict (field version) if the version is any other that is no draft, and with Conflict if uploads are still open for it. It fails with
// Unprocessable if the version has no file or not one model to serve, if a file that a model needs is missing or too short, and if it has a
// file that is no model, that no model names, and whose name is not one of settings, texts, tokenizers or images, or if
// the tenant's policy refuses a file that can run code, or no runtime serves its kind. The manifest is written
// before the version is published, so that a crash between leaves an object that the next try finds, or that sweep deletes.
// It is written again after: sweep may have deleted it between, when no version had it.
func (p *Publisher) Publish(ctx context.Context, who auth.Principal, in api.PublishRequest) (api.Version, error) {
	if scale := in.Scale(); scale.Min > scale.Max {
		return api.Version{}, fault.InvalidField("max_replicas", "must be min_replicas, which is %d, or more", scale.Min)
	}
	for range manifestTries {
		manifest, err := p.freeze(ctx, who, in)
		if err != nil {
			return api.Version{}, err
		}
		if err := p.keepManifest(ctx, who.Tenant, manifest); err != nil {
			return api.Version{}, err
		}
		v, err := postgres.Once(ctx, p.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Version, error) {
			return p.publish(ctx, tx, who, in, manifest.Digest())
		})
		if err == nil {
			_ = p.keepManifest(context.WithoutCancel(ctx), who.Tenant, manifest) // the publication stands; it is there but for the rarest of races
		}
		if !errors.Is(err, errMoved) {
			return v, err
		}
	}
	return api.Version{}, fault.New(fault.Conflict, "Files are being attached to the version: publish it when they are.", fault.Field("version"))
}

// keepManifest writes a manifest; none is no error.
func (p *Publisher) keepManifest(ctx context.Context, tenant uuid.UUID, m objects.Manifest) error {
	if m == nil {
		return nil
	}
	return p.store.PutManifest(ctx, tenant, m)
}

// freeze returns the manifest of the draft's current files, nil if the version is no longer a draft. It fails with
// NotFound if the version does not exist, and with Conflict or Unprocessable if uploads are under way or the files do
// not make a version.
func (p *Publisher) freeze(ctx context.Context, who auth.Principal, in api.PublishRequest) (objects.Manifest, error) {
	var files []FileObject
	err := p.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		model, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		id, status, err := statusOf(ctx, tx, model, in.Version)
		if postgres.NotFound(err) {
			return noVersion(in.Model, in.Version.String())
		}
		if err != nil || status != api.VersionDraft {
			return err
		}
		if err := checkUploads(ctx, tx, id); err != nil {
			return err
		}
		if files, err = readFiles(ctx, tx, id); err != nil {
			return err
		}
		if len(files) == 0 {
			return fault.New(fault.Unprocessable, fmt.Sprintf("%s has no files: push some first.", in.Name()), fault.Field("version"))
		}
		made, _, err := p.arrange(ctx, tx, in.Name(), id, files) // before anything is written
		if err != nil {
			return err
		}
		_, err = runtimeFor(made.Kind, in.Runtime)
		return err
	})
	if err != nil || files == nil {
		return nil, err
	}
	return manifestOf(who.Tenant, files)
}

// arrange is the function of that name under the tenant's policy.
func (p *Publisher) arrange(
	ctx context.Context, tx postgres.Tx, name string, version uuid.UUID, files []FileObject,
) (formats.Arrangement, FileObject, error) {
	policy, err := p.formats.Formats(ctx, tx)
	if err != nil {
		return formats.Arrangement{}, FileObject{}, err
	}
	return arrange(ctx, tx, name, version, files, policy)
}

func manifestOf(tenant uuid.UUID, files []FileObject) (objects.Manifest, error) {
	entries := make([]objects.ManifestFile, len(files))
	for i, f := range files {
		entries[i] = objects.ManifestFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Object: objects.Key(f.Object)}
	}
	return objects.NewManifest(tenant, entries)
}

// errMoved says that the draft is not any more what its manifest was made of.
var errMoved = errors.New("catalog: a file was attached while the version was published")

// publish makes the draft a published version, if its files still are what the digest covers.
func (p *Publisher) publish(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.PublishRequest, digest ref.Digest) (api.Version, error) {
	model, err := lock(ctx, tx, who, in.Model)
	if err != nil {
		return api.Version{}, err
	}
	id, status, err := statusOf(ctx, tx, model, in.Version)
	if postgres.NotFound(err) {
		return api.Version{}, noVersion(in.Model, in.Version.String()) // its only upload has ended without a file since
	}
	if err != nil {
		return api.Version{}, err
	}
	if status != api.VersionDraft {
		return p.publishAgain(ctx, tx, who, in, model, id)
	}
	if _, _, _, err := lockVersion(ctx, tx, id); err != nil { // no file is attached from here on
		return api.Version{}, err
	}
	frozen, err := p.frozen(ctx, tx, who, id, in, digest)
	if err != nil {
		return api.Version{}, err
	}
	if err := p.announce.Changed(ctx, tx, model, in.Model); err != nil {
		return api.Version{}, err
	}
	if err := publishVersion(ctx, tx, frozen, in, who.Actor()); err != nil {
		return api.Version{}, err
	}
	name := in.Name()
	if err := audit.Record(ctx, tx, who, versionPublished, name); err != nil {
		return api.Version{}, err
	}
	if err := p.events.Emit(ctx, tx, event.VersionPublished{
		Version: name, VersionID: api.ID(id), Digest: digest, Runtime: frozen.runtime, Resources: in.Resources.JSON(),
		Scale: in.Scale(), Aliases: in.Aliases,
	}); err != nil {
		return api.Version{}, err
	}
	return readVersion(ctx, tx, who, model, in.Model, in.Version)
}

// publishAgain retries the start of a version that was published before and failed to start, and returns the version.
// It fails with Conflict if the start has not failed, if the request has other settings or aliases than the publication
// had, or if the version is not being served.
func (p *Publisher) publishAgain(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.PublishRequest, model, id uuid.UUID) (api.Version, error) {
	v, err := readVersion(ctx, tx, who, model, in.Model, in.Version)
	if err != nil {
		return api.Version{}, err
	}
	if !v.Status.Serves() {
		return api.Version{}, notDraft(in.Model, in.Version, v.Status)
	}
	known, err := publishedFor(ctx, tx, id, in.Aliases)
	if err != nil {
		return api.Version{}, err
	}
	if !known || in.Differs(&v) {
		message := fmt.Sprintf("%s@%s is %s with other settings, which never change: leave them out to try its start again.", in.Model, in.Version, v.Status)
		return api.Version{}, fault.New(fault.Conflict, message, fault.Field("version"))
	}
	asked, err := p.retry(ctx, tx, model, in.Model, in.Version)
	if err != nil {
		return api.Version{}, err
	}
	if !asked {
		return api.Version{}, notDraft(in.Model, in.Version, v.Status)
	}
	return readVersion(ctx, tx, who, model, in.Model, in.Version)
}

// frozen is what publishing adds to a draft's row.
type frozen struct {
	id      uuid.UUID
	digest  ref.Digest
	uri     string
	size    int64
	kind    formats.Kind
	runtime string
	main    FileObject
}

func (p *Publisher) frozen(ctx context.Context, tx postgres.Tx, who auth.Principal, id uuid.UUID, in api.PublishRequest, digest ref.Digest) (frozen, error) {
	if err := checkUploads(ctx, tx, id); err != nil {
		return frozen{}, err
	}
	files, err := readFiles(ctx, tx, id)
	if err != nil {
		return frozen{}, err
	}
	manifest, err := manifestOf(who.Tenant, files)
	if err != nil || manifest.Digest() != digest {
		return frozen{}, errMoved
	}
	made, main, err := p.arrange(ctx, tx, in.Name(), id, files)
	if err != nil {
		return frozen{}, err
	}
	runtime, err := runtimeFor(made.Kind, in.Runtime)
	if err != nil {
		return frozen{}, err
	}
	if main.Inputs, main.Outputs, err = readSignature(ctx, tx, id, main.Path); err != nil {
		return frozen{}, err
	}
	uri := objects.URI{Bucket: p.store.Bucket(), Tenant: who.Tenant, Digest: digest}
	return frozen{id, digest, uri.String(), manifest.Size(), made.Kind, runtime, main}, nil
}
