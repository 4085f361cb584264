package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

type hashConfig struct {
	Hashes int           `env:"MAAS_PASSWORD_HASHES" envDefault:"2"`   // at once by one process, 64 MiB each, and as much again until it is collected
	Queue  int64         `env:"MAAS_PASSWORD_QUEUE" envDefault:"1024"` // requests that wait to hash
	Wait   time.Duration `env:"MAAS_PASSWORD_WAIT" envDefault:"10s"`   // longest wait of a request
}

// The classes of those who hash. Those that are not known get half of the slots, rounded down, even if the others are free: a flood of them delays
// no one who is known, and leaves cores for whoever does not hash. Of a single slot, both classes get every other turn.
const (
	knownClass   = "known"   // an address from which the account has been signed in to lately
	unknownClass = "unknown" // all others
)

const (
	// maxKnown bounds the pairs of address and account that are known: about 1 MB.
	maxKnown = 10_000
	// knownFor is how long a pair is known after a sign-in.
	knownFor = 30 * 24 * time.Hour
	// firstHash is how long a hash is taken to last before one has been measured.
	firstHash = 150 * time.Millisecond
	// weight of a new measurement in the average is 1/smoothing.
	smoothing = 8
)

// hasher bounds the memory that hashing takes, by slots with a fair queue: by class, and within it by address, for IPv6 by /64. A caller whose expected
// wait is longer than the longest is refused at once. The process has one.
//
// Which pairs are known is kept in the process alone: a lost pair costs one sign-in a place among the unknown ones, and a queue must not depend on a
// store that the same flood may have slowed down.
type hasher struct {
	slots  *share.Slots // of all
	half   *share.Slots // of those that are not known, who take one of these first
	size   int
	wait   time.Duration
	known  *otter.Cache[[sha256.Size]byte, time.Time] // when the pair signed in
	shed   *prometheus.CounterVec
	waited *prometheus.HistogramVec

	mu      sync.Mutex
	took    time.Duration             // average of a hash
	waiting map[string]map[string]int // requests by class and address
	queued  map[string]int            // their sum by class
}

// openHasher returns the process's hasher, which the first call makes from the environment variables.
func openHasher(e *env.Env) (*hasher, error) {
	return env.Once(e, "password hasher", func(context.Context) (*hasher, func(context.Context) error, error) {
		var c hashConfig
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		h, err := newHasher(e, c)
		return h, nil, err
	})
}

// newHasher returns a hasher and registers its metrics. It fails if a setting is below its minimum or a metric cannot be registered.
func newHasher(e *env.Env, c hashConfig) (*hasher, error) {
	if c.Hashes < 1 || c.Queue < share.Lone || c.Wait <= 0 {
		return nil, fmt.Errorf("MAAS_PASSWORD_HASHES is %d, MAAS_PASSWORD_QUEUE %d and MAAS_PASSWORD_WAIT %s; they are at least 1, %d and above 0",
			c.Hashes, c.Queue, c.Wait, share.Lone)
	}
	places := share.NewPool(share.Limit{
		Most: c.Queue, Noun: "places for those who wait to sign in", Setting: "MAAS_PASSWORD_QUEUE",
		Tenant: "the sum of all new addresses", Credential: "your address",
	})
	if err := telemetry.RegisterShare(e, "password_queue", places.Stats); err != nil {
		return nil, err
	}
	h := &hasher{
		slots: share.NewSlots(c.Hashes, places), half: share.NewSlots(half(c.Hashes), places), size: c.Hashes, wait: c.Wait, took: firstHash,
		waiting: map[string]map[string]int{knownClass: {}, unknownClass: {}}, queued: map[string]int{},
	}
	var err error
	h.known, err = otter.New(&otter.Options[[sha256.Size]byte, time.Time]{MaximumSize: maxKnown})
	if err != nil {
		return nil, fmt.Errorf("known sign-ins: %w", err)
	}
	h.shed, err = telemetry.Register(e, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_password_shed_total", Help: "Requests that were refused because they would have waited too long to hash a password, by class (known, unknown).",
	}, []string{"class"}))
	if err != nil {
		return nil, err
	}
	h.waited, err = telemetry.Register(e, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "maas_password_wait_seconds", Help: "Time that requests waited to hash a password, by class (known, unknown).",
		Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"class"}))
	return h, err
}

// pair returns the key under which a sign-in from an address to an account is remembered: a hash, so that names typed by mistake are not kept. All
// addresses of an IPv6 /64 give the same key.
func pair(address netip.Addr, account string) [sha256.Size]byte {
	return sha256.Sum256([]byte(httpserver.Subscriber(address).String() + "\x00" + account))
}

// remember makes the account known at the address for knownFor, in this process only.
func (h *hasher) remember(address netip.Addr, account string) {
	h.known.Set(pair(address, account), time.Now())
}

// class returns knownClass if the account has been signed in to from the address within knownFor, otherwise unknownClass.
func (h *hasher) class(address netip.Addr, account string) string {
	if signedIn, known := h.known.GetIfPresent(pair(address, account)); known && time.Since(signedIn) < knownFor {
		return knownClass
	}
	return unknownClass
}

// acquire waits for a slot to hash in, and returns the function that releases it. It fails with Unavailable if the wait exceeds the longest one, or
// at once if it is expected to, and with ctx's error if ctx ends first.
func (h *hasher) acquire(ctx context.Context, class string, address netip.Addr) (release func(), err error) {
	who := share.Holder{Tenant: class, Credential: httpserver.Subscriber(address).String()}
	if expected := h.arrive(who); expected > h.wait {
		h.leave(who)
		return nil, h.refuse(class, expected)
	}
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, h.wait)
	defer cancel()
	slot, ofHalf, err := h.enter(within, who)
	h.leave(who)
	switch {
	case err != nil && ctx.Err() == nil && within.Err() != nil:
		return nil, h.refuse(class, h.wait)
	case err != nil:
		return nil, err
	}
	got := time.Now()
	h.waited.WithLabelValues(class).Observe(got.Sub(began).Seconds())
	return func() {
		slot.Release()
		ofHalf.Release()
		h.measure(time.Since(got))
	}, nil
}

// half returns half of n, rounded down, and at least 1.
func half(n int) int { return max(1, n/2) }

// enter acquires a slot, and for an unknown caller before it a slot of the half. The caller releases both. ofHalf is the zero Slot for a known
// caller. On an error none is held.
func (h *hasher) enter(ctx context.Context, who share.Holder) (slot, ofHalf share.Slot, err error) {
	if who.Tenant == unknownClass {
		if ofHalf, err = h.half.Acquire(ctx, who); err != nil {
			return slot, ofHalf, err
		}
	}
	if slot, err = h.slots.Acquire(ctx, who); err != nil {
		ofHalf.Release()
	}
	return slot, ofHalf, err
}

// refuse counts a refused request of the class, and returns its Unavailable fault, which says to try again after the expected wait.
func (h *hasher) refuse(class string, expected time.Duration) error {
	h.shed.WithLabelValues(class).Inc()
	return fault.New(fault.Unavailable, fmt.Sprintf("Too many people sign in at once: you would wait longer than %s (MAAS_PASSWORD_WAIT); try again in %d s.",
		h.wait, seconds(expected)), fault.RetryAfter(expected))
}

// arrive adds a request to the counts of those waiting. It returns the expected wait, under the assumption that the waiting addresses get slots in
// turn.
func (h *hasher) arrive(who share.Holder) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	class := h.waiting[who.Tenant]
	rounds := class[who.Credential] + 1
	before := min(h.queued[who.Tenant], rounds*len(class))
	class[who.Credential]++
	h.queued[who.Tenant]++
	slots := h.size
	switch {
	case who.Tenant == unknownClass:
		slots = half(h.size)
	case h.queued[unknownClass] > 0:
		slots = max(1, h.size-half(h.size))
	}
	return time.Duration(before) * h.took / time.Duration(slots)
}

// leave removes a request from the counts of those waiting, because it got its slot or gave up.
func (h *hasher) leave(who share.Holder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	class := h.waiting[who.Tenant]
	h.queued[who.Tenant]--
	if class[who.Credential]--; class[who.Credential] == 0 {
		delete(class, who.Credential)
	}
}

// measure adds the time that a hash took to the average.
func (h *hasher) measure(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.took += (took - h.took) / smoothing
}
