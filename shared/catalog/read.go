package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	// kinds of readings share the memory.
	kinds = 4
	// maxKept bounds the JSON of one reading that is kept, in bytes: a version may have a thousand files.
	maxKept = 256 << 10
)

type readsConfig struct {
	// Bytes bounds what a process keeps of readings, a quarter of it for each kind: models, versions, pages of versions and of aliases. 0 keeps nothing,
	// at either level.
	Bytes int64 `env:"MAAS_READS_CACHE_BYTES" envDefault:"16777216"`
}

// reads are the caches of what is read of models, nil where nothing is kept.
type reads struct {
	models   *kept[api.Model]
	versions *kept[api.Version]
	lists    *kept[page.Page[api.Version]]
	aliases  *kept[page.Page[api.Alias]]
}

// kept is a cache of readings, whose scope is their model's name.
type kept[T any] struct {
	*cache.Cache[reading[T]]

	layout string // of the values
}

// reading is what a caller without limits reads of a model. What the caller at hand may know is decided each time.
type reading[T any] struct {
	Layout string    `json:"layout"`
	Model  uuid.UUID `json:"model"`
	Value  T         `json:"value"`

	size int // of its JSON, in bytes
}

// openReads returns the process's caches of reads. All are nil if MAAS_READS_CACHE_BYTES is 0. It fails if that is negative.
func openReads(e *env.Env) (reads, error) {
	return env.Once(e, "catalog reads", func(context.Context) (r reads, _ func(context.Context) error, err error) {
		var c readsConfig
		if err := e.Config(&c); err != nil {
			return r, nil, err
		}
		if c.Bytes < 0 {
			return r, nil, fmt.Errorf("MAAS_READS_CACHE_BYTES is %d; it must be 0 or more", c.Bytes)
		}
		if c.Bytes == 0 {
			return r, nil, nil
		}
		store, err := cache.Open(e)
		if err != nil {
			return r, nil, err
		}
		var errs [kinds]error
		r.models, errs[0] = newKept[api.Model](store, "model", c, modelJSON)
		r.versions, errs[1] = newKept[api.Version](store, "version", c, versionJSON)
		r.lists, errs[2] = newKept[page.Page[api.Version]](store, "versions", c, versionJSON)
		r.aliases, errs[3] = newKept[page.Page[api.Alias]](store, "aliases", c, aliasJSON)
		return r, nil, errors.Join(errs[:]...)
	})
}

// newKept returns a cache of values that a query renders, of a quarter of c.Bytes. Values in Redis that another release's query rendered count as absent.
func newKept[T any](store *cache.Store, name string, c readsConfig, query string) (*kept[T], error) {
	k := &kept[T]{layout: fmt.Sprintf("%x", sha256.Sum256([]byte(query)))[:8]}
	var err error
	k.Cache, err = cache.New(store, cache.Kind[reading[T]]{
		Name: name, Bytes: uint64(c.Bytes) / kinds, //nolint:gosec // it is not negative
		Encode: func(a reading[T]) ([]byte, error) { return json.Marshal(a) },
		Decode: k.decode,
		Size:   func(a reading[T]) int { return 2 * a.size }, // about: texts are kept as they are, numbers and pointers take more
	})
	return k, err
}

// decode parses a cached reading. It fails if the text is malformed or another release wrote it.
func (k *kept[T]) decode(text []byte) (a reading[T], err error) {
	if err := json.Unmarshal(text, &a); err != nil {
		return a, err
	}
	if a.Layout != k.layout {
		return a, errors.New("catalog: the reading in the cache is another release's")
	}
	a.size = len(text)
	return a, nil
}

// firstPage returns the cache for the first page of a list in its usual size, and nil for other pages: there are too many of them.
func firstPage[T any](k *kept[T], in page.Request) *kept[T] {
	if in.After != "" || in.Size != page.DefaultSize {
		return nil
	}
	return k
}

// named returns the cache for a version that a number or an alias names, and nil for ranges: a caller can make up any number of them.
func named[T any](k *kept[T], selector ref.Selector) *kept[T] {
	if _, isRange := selector.Range(); isRange {
		return nil
	}
	return k
}

// load reads a value of the model for a principal of its tenant without limits. keep reports whether it may be kept: each write that
// changes it raises the model's epoch and is announced.
type load[T any] = func(ctx context.Context, tx postgres.Tx, all auth.Principal, model uuid.UUID) (value T, keep bool, err error)

// read returns a value of a model from the cache, or else by load. name tells the model's values in k apart, and is "" for the model itself. If k is nil
// there is no cache. It fails with NotFound for a model that the caller may not know of, whatever is cached, and with load's error.
func read[T any](ctx context.Context, c *Catalog, k *kept[T], who auth.Principal, m ref.Model, name string, load load[T]) (value T, err error) {
	if !who.MaySee(m) {
		return value, noModel(m)
	}
	all := who
	all.Limits = nil
	miss := func(ctx context.Context) (cache.Loaded[reading[T]], error) { return fetch(ctx, c.db, k, all, m, load) }
	var found reading[T]
	if k == nil {
		loaded, failure := miss(ctx)
		found, err = loaded.Value, failure
	} else {
		found, err = k.Get(ctx, cache.TenantKey(m.String(), who.Tenant, name), miss)
	}
	switch {
	case fault.Is(err, fault.NotFound) && who.Limits != nil && name != "":
		if _, hidden := c.GetModel(ctx, who, api.ModelRequest{Model: m}); hidden != nil {
			return value, hidden // even that the model has no such thing would tell of it
		}
		return value, err
	case err != nil:
		return value, err
	case !who.Sees(m, found.Model):
		return value, noModel(m)
	default:
		return found.Value, nil
	}
}

// fetch returns a value that load reads, with the epoch that the model had before. A value of more than 256 KiB of JSON is not kept. It fails with NotFound
// if there is no such model, and with load's error.
func fetch[T any](ctx context.Context, db *postgres.DB, k *kept[T], all auth.Principal, m ref.Model, load load[T]) (l cache.Loaded[reading[T]], err error) {
	err = db.Tx(ctx, all.Tenant, func(tx postgres.Tx) error {
		id, epoch, err := epochOf(ctx, tx, all, m)
		if err != nil {
			return err
		}
		value, keep, err := load(ctx, tx, all, id)
		l = cache.Loaded[reading[T]]{Value: reading[T]{Model: id, Value: value}, Epoch: epoch, Keep: keep}
		return err
	})
	if err != nil || k == nil || !l.Keep {
		return l, err
	}
	l.Value.Layout = k.layout
	text, err := json.Marshal(l.Value)
	l.Value.size = len(text)
	l.Keep = len(text) <= maxKept
	return l, err
}
