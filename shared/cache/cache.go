// Package cache keeps answers at two levels: in the process for a minute, and in Redis for about ten. Concurrent misses of a key ask once.
//
// What is kept belongs to a scope (a model), and carries the scope's epoch, a number that each write raises. Store.Announce, which a writer
// calls before it commits and again after, raises the scope's floor: what is older than the floor counts no more, at either level, and is
// not put back by a reader that was slow. A process hears of floors by a subscription; whenever that was interrupted it forgets what it has,
// and while Redis is away it keeps what it learns for a second only. Redis holds nothing that may not be lost.
package cache

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"

	"github.com/17882237881/MaaS/api/fault"
)

// Key names an answer. Scope is what Announce speaks of; answers that never change have none.
type Key struct{ Scope, Name string }

// Kind says how a cache treats its values.
type Kind[T any] struct {
	Name   string // in metrics and in Redis's keys
	Bytes  uint64 // bounds what the process keeps
	Encode func(T) ([]byte, error)
	Decode func([]byte) (T, error)
	Size   func(T) int // bytes of a value, about
}

// TenantKey returns the key of an answer for a tenant. It has the tenant's id, since another tenant may get the name later.
func TenantKey(scope string, tenant uuid.UUID, name string) Key {
	id, _ := tenant.MarshalText() // as String, without a string of its own; it has no error
	return Key{Scope: scope, Name: string(id) + "@" + name}
}

// Loaded is what a load gave.
type Loaded[T any] struct {
	Value T
	Epoch int64 // of the scope, as it was when the value was read or before
	Keep  bool
}

// Cache keeps the answers of one kind. It is safe for concurrent use.
type Cache[T any] struct {
	kind    Kind[T]
	store   *Store
	process *otter.Cache[Key, entry[T]]
	flights Flights[entry[T]]
	counts  counters
}

// entry is an answer: a value, or a fault of kind NotFound.
type entry[T any] struct {
	value T
	none  *fault.Error
	epoch int64
	era   int64
	read  time.Time // before it was loaded; zero for an entry of Redis
	kept  time.Time // in the process
}

// overhead is what an entry costs beside its value and key.
const overhead = 200

// New returns a cache of one kind of values over the store. Two caches must not have the same name.
func New[T any](s *Store, kind Kind[T]) (*Cache[T], error) {
	process, err := otter.New(&otter.Options[Key, entry[T]]{
		MaximumWeight: kind.Bytes,
		Weigher: func(k Key, e entry[T]) uint32 {
			return uint32(overhead + len(k.Scope) + len(k.Name) + kind.Size(e.value)) //nolint:gosec // an entry is much shorter than 4 GiB
		},
	})
	return &Cache[T]{kind: kind, store: s, process: process, counts: s.counts.of(kind.Name)}, err
}

// Get returns the answer under the key: the process's, else Redis's, else that of load. What load returns is kept if its Keep is set; of errors
// only NotFound is kept, for a short time. Concurrent calls for a key share one load. Get fails as load does, and with ctx's error.
func (c *Cache[T]) Get(ctx context.Context, key Key, load func(context.Context) (Loaded[T], error)) (T, error) {
	if e, ok := c.inProcess(key); ok {
		c.counts.process.hit()
		return e.answer()
	}
	c.counts.process.miss()
	fetch := func(ctx context.Context) (entry[T], error) { return c.fetch(ctx, key, load) }
	e, joined, err := c.flights.Do(ctx, key.Scope+"\x00"+key.Name, fetch)
	if err == nil && joined && c.belowFloor(key, e.epoch, time.Now()) { // what was under way may have been read before a change that we came after
		e, _, err = c.flights.Do(ctx, key.Scope+"\x00"+key.Name, fetch)
	}
	if err != nil {
		var none T
		return none, err
	}
	return e.answer()
}

// Peek returns the value under the key if it is kept at either level, and loads nothing. ok is false if nothing is kept.
func (c *Cache[T]) Peek(ctx context.Context, key Key) (value T, ok bool) {
	e, ok := c.inProcess(key)
	if ok {
		c.counts.process.hit()
		return e.value, true
	}
	c.counts.process.miss()
	era := c.store.era.Load()
	if e, ok = c.inRedis(ctx, key); ok && e.none == nil && !c.belowFloor(key, e.epoch, e.read) {
		e.era = era
		c.keepInProcess(key, e)
		return e.value, true
	}
	return value, false
}

// Put stores a value in Redis and in the process, under a key without a scope. The value must never change, since nothing invalidates it. Errors of
// Redis are ignored.
func (c *Cache[T]) Put(ctx context.Context, name string, value T) {
	key, e := Key{Name: name}, entry[T]{value: value, era: c.store.era.Load()}
	c.keepInRedis(ctx, key, e)
	c.keepInProcess(key, e)
}

// Forget deletes the answer under the key from this process and from Redis. If Redis fails, the answer expires there by
// itself; other processes keep theirs until it expires.
func (c *Cache[T]) Forget(ctx context.Context, key Key) {
	c.process.Invalidate(key)
	if c.store.together.Load() {
		ctx, cancel := context.WithTimeout(ctx, redisTime)
		defer cancel()
		_ = c.store.redis.Del(ctx, c.redisKey(key)).Err() // it ends by itself soon
	}
}

// answer returns the entry's value, or its NotFound fault.
func (e *entry[T]) answer() (T, error) {
	if e.none != nil {
		return e.value, e.none
	}
	return e.value, nil
}

// inProcess returns the process's entry under the key. ok is false if there is none, it has expired, or it is below its scope's floor.
func (c *Cache[T]) inProcess(key Key) (e entry[T], ok bool) {
	if e, ok = c.process.GetIfPresent(key); !ok || e.era != c.store.era.Load() {
		return e, false
	}
	life := c.store.life()
	if e.none != nil {
		life = min(life, negativeLife)
	}
	return e, time.Since(e.kept) < life && !c.belowFloor(key, e.epoch, e.read)
}

// belowFloor reports whether an entry of the epoch is older than its scope's floor, and so no longer valid. read is when it was loaded, zero for an
// entry of Redis. An entry that was read long enough after the announcement is valid: then a write of a higher epoch was rolled back.
func (c *Cache[T]) belowFloor(key Key, epoch int64, read time.Time) bool {
	if key.Scope == "" {
		return false
	}
	floor, ok := c.store.floors.at(key.Scope)
	return ok && epoch < floor.epoch && time.Since(floor.heard) < floorLife && read.Before(floor.heard.Add(settleTime))
}

// fetch returns the entry that Redis has, or else calls load. A NotFound of load becomes a negative entry; any other
// error is returned and not cached.
func (c *Cache[T]) fetch(ctx context.Context, key Key, load func(context.Context) (Loaded[T], error)) (entry[T], error) {
	era := c.store.era.Load()
	e, ok := c.inRedis(ctx, key)
	if ok && !c.belowFloor(key, e.epoch, e.read) {
		e.era = era
		c.keepInProcess(key, e)
		return e, nil
	}
	calm, quiet := c.calmEpoch(key)
	read := time.Now()
	loaded, err := load(ctx)
	var none *fault.Error
	switch {
	case errors.As(err, &none) && none.Kind == fault.NotFound:
		e = entry[T]{none: &fault.Error{Kind: none.Kind, Message: none.Message, Fields: none.Fields}, epoch: calm, era: era, read: read}
		if quiet && c.keepInRedis(ctx, key, e) {
			c.keepInProcess(key, e)
		}
		return e, nil
	case err != nil:
		return e, err
	}
	e = entry[T]{value: loaded.Value, epoch: loaded.Epoch, era: era, read: read}
	if loaded.Keep && c.keepInRedis(ctx, key, e) {
		c.keepInProcess(key, e)
	}
	return e, nil
}

// calmEpoch returns the epoch for a NotFound that is loaded now: the scope's floor, -1 without one. quiet is false while a write may be under way,
// when NotFound must not be kept.
func (c *Cache[T]) calmEpoch(key Key) (epoch int64, quiet bool) {
	floor, ok := c.store.floors.at(key.Scope)
	if !ok {
		return -1, true
	}
	return floor.epoch, time.Since(floor.heard) > settleTime
}

// keepInProcess stores the entry in the process unless it is below its scope's floor.
func (c *Cache[T]) keepInProcess(key Key, e entry[T]) {
	if c.belowFloor(key, e.epoch, e.read) {
		return
	}
	e.kept = time.Now()
	c.process.Set(key, e)
}

// redisKey returns the key's form in Redis. Keys of one scope lie in the same slot of a Redis cluster.
func (c *Cache[T]) redisKey(key Key) string {
	if key.Scope == "" {
		return "maas:" + c.kind.Name + ":" + key.Name
	}
	return "maas:{" + key.Scope + "}:" + c.kind.Name + ":" + key.Name
}

// inRedis returns Redis's entry under the key. ok is false if there is none, it is below its scope's floor, or Redis is away.
func (c *Cache[T]) inRedis(ctx context.Context, key Key) (e entry[T], ok bool) {
	if !c.store.together.Load() {
		return e, false
	}
	ctx, cancel := context.WithTimeout(ctx, redisTime)
	defer cancel()
	keys := []string{c.redisKey(key)}
	if key.Scope != "" {
		keys = append(keys, floorKey(key.Scope))
	}
	found, err := c.store.redis.MGet(ctx, keys...).Result()
	if err != nil {
		c.counts.redis.miss()
		return e, false
	}
	if e, ok = c.parse(found); ok {
		c.counts.redis.hit()
	} else {
		c.counts.redis.miss()
	}
	return e, ok
}

// parse decodes what Redis found: an entry and, for a key with a scope, the scope's floor. ok is false if there is no entry, it is malformed, or it
// is below the floor.
func (c *Cache[T]) parse(found []any) (e entry[T], ok bool) {
	text, ok := found[0].(string)
	if !ok {
		return e, false
	}
	epoch, mark, payload, err := decode(text)
	if err != nil {
		return e, false
	}
	e.epoch = epoch
	if len(found) > 1 && below(epoch, found[1]) {
		return e, false
	}
	if mark == 'n' {
		e.none = &fault.Error{}
		return e, json.Unmarshal([]byte(payload), e.none) == nil
	}
	e.value, err = c.kind.Decode([]byte(payload))
	return e, err == nil
}

// below reports whether the epoch is less than the floor as Redis has it. A malformed floor is above all epochs; nil is below all.
func below(epoch int64, floor any) bool {
	text, ok := floor.(string)
	at, err := strconv.ParseInt(text, 10, 64)
	return ok && (err != nil || epoch < at)
}

// keepInRedis stores the entry in Redis, and reports whether the process may keep it too. It may not if Redis has a newer entry or floor, or does
// not answer for a key with a scope. While there is no subscription to Redis it stores nothing and reports true.
func (c *Cache[T]) keepInRedis(ctx context.Context, key Key, e entry[T]) bool {
	if !c.store.together.Load() {
		return true
	}
	text, err := c.encode(e)
	if err != nil {
		return true
	}
	life := negativeLife
	if e.none == nil {
		life = lifeInRedis()
	}
	ctx, cancel := context.WithTimeout(ctx, redisTime)
	defer cancel()
	if key.Scope == "" {
		_ = c.store.redis.Set(ctx, c.redisKey(key), text, life).Err() // a cache that does not keep is slower, not wrong
		return true
	}
	kept, err := keep.Run(ctx, c.store.redis, []string{c.redisKey(key), floorKey(key.Scope)},
		e.epoch, text, life.Milliseconds(), (floorLife - 2*settleTime).Milliseconds()).Int()
	return err == nil && kept == 1 || errors.Is(err, redis.Nil)
}

// encode returns the entry in Redis's form. It fails as the kind's Encode does.
func (c *Cache[T]) encode(e entry[T]) ([]byte, error) {
	if e.none != nil {
		text, err := json.Marshal(e.none)
		return encode(e.epoch, 'n', text), err
	}
	text, err := c.kind.Encode(e.value)
	return encode(e.epoch, 'v', text), err
}

// lifeInRedis returns a random time to live, so that entries stored at one time do not expire at one time.
func lifeInRedis() time.Duration {
	return time.Duration(float64(redisLife) * (1 - jitter + 2*jitter*rand.Float64())) //nolint:gosec // it is no secret
}
