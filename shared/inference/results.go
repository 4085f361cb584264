package inference

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/share"
)

// The values of X-Cache.
const (
	cacheHit    = "hit"    // the answer of an earlier call
	cacheMiss   = "miss"   // a run, whose answer is kept
	cacheShared = "shared" // the answer of a call under way that asked the same
	cacheBypass = "bypass" // the version is not deterministic, its answers cannot be kept, or the caller asked for a run
)

// results keeps the answers of deterministic versions, and lets calls that ask the same share one run.
//
// Two calls ask the same if their tenants and their versions' digests are one, and their requests mean the same (openinference.Request.HashTo). To find
// that out a request is read, which costs more than a hash of its bytes: so that hash is looked for first, and the answer is kept under it. The hash of
// what the request means leads to it. What is kept has no model's name, version or request id: each call is given its own.
type results struct {
	kept    *cache.Cache[*kept]
	flights cache.Flights[outcome]
	memory  *share.Pool
	long    *otter.Cache[uuid.UUID, time.Time] // versions whose answers cannot be kept, and when that was seen
}

// outcome is a run's answer, with what its report says.
type outcome struct {
	answer *answer
	report report
}

const (
	// longLife is for how long a version's calls are not kept after an answer could not be.
	longLife = 10 * time.Minute
	// maxLong bounds the versions that this is known of.
	maxLong = 10_000
)

// openResults returns results that keep up to the given bytes in the process, in the process's cache.
func openResults(e *env.Env, bytes uint64, m *share.Pool) (*results, error) {
	store, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	answers, err := cache.New(store, cache.Kind[*kept]{
		Name: "result", Bytes: bytes, Encode: encodeKept, Decode: decodeKept, Size: (*kept).size,
	})
	if err != nil {
		return nil, err
	}
	long, err := otter.New(&otter.Options[uuid.UUID, time.Time]{MaximumSize: maxLong})
	return &results{kept: answers, memory: m, long: long}, err
}

// covers reports whether the call may be answered from the cache, or its answer be kept: the version is deterministic, the caller allows it, and
// the version's answers were not found too long lately.
func (s *results) covers(c *call, v *resolver.Version) bool {
	if !v.Deterministic || c.noStore {
		return false
	}
	seen, ok := s.long.GetIfPresent(v.ID)
	return !ok || time.Since(seen) > longLife
}

// names are what a call's answer is kept under.
type names struct {
	spelled string // by the request's bytes
	meant   string // by what they mean; "" if that is not known
}

// The first byte of what is hashed into a name, so that no name by bytes is one by meaning.
const (
	bySpelling = 1
	byMeaning  = 2
)

// appendBegin appends to head what each name begins with: how it is made, the tenant and the version's digest.
func appendBegin(head []byte, how byte, c *call, v *resolver.Version) []byte {
	head = append(append(head, how), c.who.Tenant[:]...)
	return append(head, v.Digest.String()...)
}

// spelling returns the name of an answer by the request's bytes: a hash of its content type, its header's length and its body.
func spelling(c *call, v *resolver.Version) string {
	h, head := sha256.New(), appendBegin(make([]byte, 0, 192), bySpelling, c, v)
	for _, text := range []string{c.contentType, c.header} {
		head = binary.BigEndian.AppendUint64(head, uint64(len(text)))
		head = append(head, text...)
	}
	_, _ = h.Write(head)
	for _, part := range c.body {
		openinference.WritePieces(h, part)
	}
	return string(h.Sum(head[:0]))
}

// meaning returns the name of an answer by what the request means: requests that differ only in form have the same.
func meaning(c *call, v *resolver.Version, request *openinference.Request) string {
	h, head := sha256.New(), appendBegin(make([]byte, 0, 128), byMeaning, c, v)
	_, _ = h.Write(head)
	request.HashTo(h)
	return string(h.Sum(head[:0]))
}

// read returns the call's request, decoded. It reports false if the request is malformed or there is no memory to decode it, which is no error: the
// model server judges it.
func (s *results) read(c *call) (*openinference.Request, bool) {
	if c.request != nil {
		return c.request, true
	}
	body := c.body[0]
	header, err := openinference.ParseHeaderLength(c.header, len(body))
	if err != nil {
		return nil, false
	}
	held := s.memory.Loan(c.holder)
	defer held.End()
	if !held.TryTake(openinference.JSONCost(body[:header])) {
		return nil, false
	}
	request, err := openinference.DecodeRequest(body, header)
	return request, err == nil
}

// recall returns the names of the call's answer, and the answer itself if it is kept and the caller allows it, else nil. It also sets the call's
// request id. It fails if a large request gets no slot to be hashed and decoded in.
func (s *results) recall(ctx context.Context, c *call, v *resolver.Version) (n names, a *answer, err error) {
	if err := c.work.Begin(ctx, c.size); err != nil {
		return n, nil, err
	}
	n.spelled = spelling(c, v)
	c.work.End()
	if k, ok := s.peek(ctx, c, n.spelled); ok {
		if a = s.follow(ctx, k); a != nil {
			c.id = k.id
			return n, a, nil
		}
	}
	if n.meant, err = s.understand(ctx, c, v); n.meant == "" {
		return n, nil, err
	}
	k, ok := s.peek(ctx, c, n.meant)
	if !ok {
		return n, nil, nil
	}
	a = s.follow(ctx, k)
	if a != nil && c.id == "" { // a request with an id is hardly ever sent twice
		s.kept.Put(ctx, n.spelled, &kept{at: k.at})
	}
	return n, a, nil
}

// understand returns the name of the call's answer by what the request means, "" if that cannot be known. It also sets the call's request id. It
// fails if a large request gets no slot to be decoded in.
func (s *results) understand(ctx context.Context, c *call, v *resolver.Version) (string, error) {
	if err := c.work.Begin(ctx, c.size); err != nil {
		return "", err
	}
	defer c.work.End()
	request, ok := s.read(c)
	if !ok {
		return "", nil
	}
	c.id = request.ID
	return meaning(c, v, request), nil
}

// peek returns what is kept under the name. It reports false if there is nothing or the caller asked for a new run.
func (s *results) peek(ctx context.Context, c *call, name string) (*kept, bool) {
	if c.noCache {
		return nil, false
	}
	return s.kept.Peek(ctx, cache.Key{Name: name})
}

// follow returns k's answer, or the one under the name that k refers to. It returns nil if that is not kept any more.
func (s *results) follow(ctx context.Context, k *kept) *answer {
	if k.answer == nil {
		k, _ = s.kept.Peek(ctx, cache.Key{Name: k.at})
	}
	if k == nil {
		return nil
	}
	return k.answer
}

// errNotKept ends a shared run whose answer cannot be kept.
var errNotKept = errors.New("the answer cannot be kept")

// share returns the answer of an identical call to the same version that is under way. If there is none, it calls run and caches the answer. If an
// answer cannot be cached it is not shared either: each caller then calls run for itself.
func (s *results) share(ctx context.Context, c *call, n names, r *report, run func(context.Context, *report) (*answer, error)) (*answer, error) {
	version, id, since := r.version, c.id, time.Now()
	r.stage = queued
	c.memory.join() // for the run, which may go on without this call
	out, joined, err := s.flights.DoReporting(ctx, version.ID.String()+n.meant, func(ctx context.Context, progress func(outcome)) (o outcome, err error) {
		defer c.memory.leave()
		o.report = report{version: version, onSlot: func(r report) { progress(outcome{report: r}) }}
		if o.answer, err = run(ctx, &o.report); err != nil {
			return o, err
		}
		if !o.answer.anonymize() {
			s.long.Set(version.ID, time.Now())
			return o, errNotKept
		}
		s.kept.Put(ctx, n.spelled, &kept{id: id, answer: o.answer})
		s.kept.Put(ctx, n.meant, &kept{at: n.spelled})
		return o, nil
	})
	if joined { // another call's run
		c.memory.leave()
	}
	if errors.Is(err, errNotKept) {
		return run(ctx, r)
	}
	if r.take(&out.report); r.stage == queued {
		r.queue = time.Since(since)
	}
	r.cache = cacheMiss
	switch {
	case joined:
		r.cache = cacheShared
	case c.noCache:
		r.cache = cacheBypass
	}
	return out.answer, err
}
