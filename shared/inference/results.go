package inference

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/registry"
)

// The values of X-Cache.
const (
	cacheHit    = "hit"    // the answer of an earlier call
	cacheMiss   = "miss"   // a run, whose answer is kept
	cacheShared = "shared" // the answer of an identical call that was under way
	cacheBypass = "bypass" // the version is not deterministic, its answers are too long, or the caller asked for a run
)

// results keeps the answers of deterministic versions, and lets identical calls share one run.
//
// Calls are identical if their tenants, their versions' digests and their requests' bytes are. Another white space or another id is another
// call: the answer repeats the id, and a hash of the bytes costs less than to find out that two texts mean the same tensors.
type results struct {
	kept    *cache.Cache[*answer]
	flights cache.Flights[outcome]
	long    *otter.Cache[uuid.UUID, time.Time] // versions whose answers are too long to be kept, and when that was seen
}

// outcome is a run's answer, with what its report says.
type outcome struct {
	answer *answer
	report report
}

const (
	// longLife is for how long a version's calls are not kept after an answer was too long.
	longLife = 10 * time.Minute
	// maxLong bounds the versions that this is known of.
	maxLong = 10_000
)

func openResults(e *env.Env, bytes uint64) (*results, error) {
	store, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	kept, err := cache.New(store, cache.Kind[*answer]{
		Name: "result", Bytes: bytes, Encode: encodeAnswer, Decode: decodeAnswer, Size: (*answer).size,
	})
	if err != nil {
		return nil, err
	}
	long, err := otter.New(&otter.Options[uuid.UUID, time.Time]{MaximumSize: maxLong})
	return &results{kept: kept, long: long}, err
}

// covers reports whether the call's answer may be an earlier one, or be kept.
func (s *results) covers(c *call, v *registry.Version) bool {
	if !v.Deterministic || c.noStore {
		return false
	}
	seen, ok := s.long.GetIfPresent(v.ID)
	return !ok || time.Since(seen) > longLife
}

// nameOf is the identity of a call: a SHA-256 over tenant, version and request, each before the next with its length.
func nameOf(c *call, v *registry.Version) string {
	h := sha256.New()
	head := make([]byte, 0, 128)
	head = append(head, c.who.Tenant[:]...)
	head = append(head, v.Digest.String()...)
	head = binary.BigEndian.AppendUint64(head, uint64(len(c.header)))
	head = append(head, c.header...)
	_, _ = h.Write(head)
	_, _ = h.Write(c.body)
	return string(h.Sum(head[:0]))
}

// errLong ends a shared run whose answer is too long to be kept.
var errLong = errors.New("the answer is too long to be kept")

// peek gives the kept answer, unless the caller asked for a run.
func (s *results) peek(ctx context.Context, c *call, name string) (*answer, bool) {
	if c.noCache {
		return nil, false
	}
	return s.kept.Peek(ctx, cache.Key{Name: name})
}

// share gives the answer of the identical call under way, or that of run, which it keeps. The report's version runs.
func (s *results) share(ctx context.Context, c *call, name string, r *report, run func(context.Context, *report) (*answer, error)) (*answer, error) {
	version := r.version
	out, joined, err := s.flights.Do(ctx, name, func(ctx context.Context) (o outcome, err error) {
		o.report.version = version
		if o.answer, err = run(ctx, &o.report); err != nil {
			return o, err
		}
		if o.answer.rest != nil {
			_ = o.answer.rest.Close()
			s.long.Set(version.ID, time.Now())
			return o, errLong
		}
		s.kept.Put(ctx, name, o.answer)
		return o, nil
	})
	if errors.Is(err, errLong) {
		return run(ctx, r)
	}
	r.take(&out.report)
	r.cache = cacheMiss
	switch {
	case joined:
		r.cache = cacheShared
	case c.noCache:
		r.cache = cacheBypass
	}
	return out.answer, err
}

func (a *answer) size() int {
	if a == nil {
		return 0
	}
	return len(a.whole) + len(a.contentType) + len(a.header)
}

// encodeAnswer writes the lengths of the two headers, the headers, and the body.
func encodeAnswer(a *answer) ([]byte, error) {
	b := make([]byte, 0, a.size()+2*binary.MaxVarintLen64)
	for _, header := range []string{a.contentType, a.header} {
		b = binary.AppendUvarint(b, uint64(len(header)))
		b = append(b, header...)
	}
	return append(b, a.whole...), nil
}

func decodeAnswer(b []byte) (*answer, error) {
	a := &answer{}
	for _, header := range []*string{&a.contentType, &a.header} {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) { //nolint:gosec // n is at most len(b)
			return nil, fmt.Errorf("inference: a kept answer of %d bytes is cut off", len(b))
		}
		*header = string(b[n : n+int(length)]) //nolint:gosec // it is at most len(b)
		b = b[n+int(length):]                  //nolint:gosec // the same
	}
	a.whole = b
	return a, nil
}
