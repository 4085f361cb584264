package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	looked = 5_000 // objects of one tick; the next goes on behind them
	batch  = 500   // asked for at once
)

// Collect deletes what a crash left behind: objects and unfinished multiparts that no row needs and that are older than MAAS_ORPHAN_GRACE. It also deletes
// artifacts that no version has, a day after they were made. Each call looks at up to 5,000 of each kind; the next goes on with the objects behind them.
// The errors are joined.
func (t *Transfers) Collect(ctx context.Context) error {
	return errors.Join(t.trimArtifacts(ctx), t.collectObjects(ctx), t.collectMultiparts(ctx))
}

// collectObjects deletes objects that are older than Grace and that nothing needs. It looks at up to 5,000 of them, behind those of the last time, and
// saves where it stopped; after the last object it begins anew.
func (t *Transfers) collectObjects(ctx context.Context) error {
	after, err := t.position(ctx)
	if err != nil {
		return err
	}
	old, seen := make([]objects.Key, 0, batch), 0
	for object, err := range t.store.ListAfter(ctx, objects.Prefix, after) {
		if err != nil {
			return err
		}
		if seen++; time.Since(object.Modified) > t.limits.Grace {
			old = append(old, object.Key)
		}
		after = object.Key
		if len(old) == batch {
			if err := t.deleteUnknown(ctx, old); err != nil {
				return err
			}
			old = old[:0]
		}
		if seen == looked {
			break
		}
	}
	if seen < looked { // the end: the next time from the beginning
		after = ""
	}
	return errors.Join(t.deleteUnknown(ctx, old), t.goOn(ctx, after))
}

// deleteUnknown deletes those of the keys' objects that nothing needs. It stops at the first error.
func (t *Transfers) deleteUnknown(ctx context.Context, keys []objects.Key) error {
	needed, err := t.needed(ctx, keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if slices.Contains(needed, string(key)) {
			continue
		}
		t.log.InfoContext(ctx, "an object without a row is deleted", "key", key)
		if err := t.deleteOne(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// deleteOne deletes an object. A manifest is put back if a publication has come to need it meanwhile, since its key is its content's digest, or if that is
// not known. It fails with TooLarge for a manifest of more than 16 MiB.
func (t *Transfers) deleteOne(ctx context.Context, key objects.Key) error {
	if !strings.Contains(string(key), "/manifests/") {
		return t.store.Delete(ctx, key)
	}
	const most = 16 << 20
	content, err := t.store.Get(ctx, key, most)
	if err != nil {
		return err
	}
	if err := t.store.Delete(ctx, key); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if needed, err := t.needed(ctx, []objects.Key{key}); err == nil && len(needed) == 0 {
		return nil
	}
	return t.store.Put(ctx, key, content)
}

// needed returns those of the keys that an upload under way or a row of the catalogue needs.
func (t *Transfers) needed(ctx context.Context, keys []objects.Key) (needed []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	uploads := map[uuid.UUID]string{}
	for _, key := range keys {
		if id, ok := uploadOf(key); ok {
			uploads[id] = string(key)
		}
	}
	err = t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		underway, err := uploadsUnderway(ctx, tx, ids(uploads))
		if err != nil {
			return err
		}
		for _, id := range underway {
			needed = append(needed, uploads[uuid.MustParse(id)])
		}
		known, err := keysOfCatalog(ctx, tx, keys)
		needed = append(needed, known...)
		return err
	})
	return needed, err
}

// ids returns the keys of the map, in no order.
func ids(of map[uuid.UUID]string) []uuid.UUID {
	all := make([]uuid.UUID, 0, len(of))
	for id := range of {
		all = append(all, id)
	}
	return all
}

// uploadOf returns the upload whose bytes have the key t/<tenant>/<upload>, and false for a manifest's key. It does not look at what stands before the
// upload but for the number of parts.
func uploadOf(key objects.Key) (uuid.UUID, bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 3 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(parts[2])
	return id, err == nil
}

// collectMultiparts aborts multipart uploads that began more than Grace ago and that nothing needs, up to 5,000 at a time. An upload that cannot be aborted
// does not stop the others; the errors are joined.
func (t *Transfers) collectMultiparts(ctx context.Context) error {
	var old []objects.Multipart
	for begun, err := range t.store.Unfinished(ctx, objects.Prefix) {
		if err != nil {
			return err
		}
		if time.Since(begun.At) > t.limits.Grace {
			old = append(old, begun.Multipart)
		}
		if len(old) == looked {
			break
		}
	}
	keys := make([]objects.Key, len(old))
	for i, m := range old {
		keys[i] = m.Key
	}
	needed, err := t.needed(ctx, keys)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range old {
		if !slices.Contains(needed, string(m.Key)) {
			errs = append(errs, t.store.Abort(ctx, m))
		}
	}
	return errors.Join(errs...)
}
