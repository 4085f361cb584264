package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// DeadLetters keeps events that were not acted on. What our functions signed is kept whole, one letter for each event and consumer. Anybody who reaches
// a listener for events can send what is not signed: of that a bounded number of letters is kept for each consumer, with the first bytes of what came,
// and the rest is counted alone. It is safe for concurrent use.
type DeadLetters struct {
	db       *postgres.DB
	signer   cloudevent.Signer
	limit    int
	unsigned *prometheus.CounterVec

	mu   sync.Mutex
	full map[cloudevent.Consumer]time.Time // until when it is not looked whether another unsigned letter may be kept
}

type letterConfig struct {
	// Unsigned bounds the letters of unsigned events that are kept for a consumer. 0 keeps none.
	Unsigned int `env:"MAAS_UNSIGNED_DEAD_LETTERS" envDefault:"100"`
}

const (
	maxUnsigned = 4 << 10 // bytes of an unsigned event that are kept
	maxReason   = 1 << 10 // bytes of a reason
	fullTime    = time.Minute
)

// The outcomes of unsigned events, by which they are counted.
const (
	outcomeKept    = "kept"    // a dead letter
	outcomeCounted = "counted" // one dead letter too many
	outcomeLooked  = "looked"  // of one of Knative's sources: it caused a look at the rows
	outcomeMerged  = "merged"  // of one of Knative's sources: the look that is under way, or was just now, is for it too
)

// OpenDeadLetters returns DeadLetters that db's role writes, and registers their metric. It fails if the configuration is invalid.
func OpenDeadLetters(e *env.Env, db *postgres.DB) (*DeadLetters, error) {
	var c letterConfig
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	signer, err := cloudevent.OpenSigner(e)
	if err != nil {
		return nil, err
	}
	unsigned, err := telemetry.Register(e, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_unsigned_events_total",
		Help: "Events that no function of ours has signed, by consumer and by what became of them.",
	}, []string{"consumer", "outcome"}))
	if err != nil {
		return nil, err
	}
	return &DeadLetters{db: db, signer: signer, limit: c.Unsigned, unsigned: unsigned, full: map[cloudevent.Consumer]time.Time{}}, nil
}

// Bury stores an event that could not be delivered to the consumer as a dead letter, with the cause. An event that is malformed or has no valid
// signature is cut to 4 KiB, and only counted once the consumer has too many of those.
func (d *DeadLetters) Bury(ctx context.Context, consumer cloudevent.Consumer, encoded []byte, cause error) error {
	var ce cloudevents.Event
	if err := json.Unmarshal(encoded, &ce); err != nil {
		return d.keepUnsigned(ctx, consumer, encoded, cause)
	}
	e, err := d.signer.Verify(ce)
	if err != nil {
		return d.keepUnsigned(ctx, consumer, encoded, cause)
	}
	return d.keep(ctx, consumer, e, encoded, cause)
}

// keep stores a signed event as a dead letter of the consumer, whole. A second copy is not stored.
func (d *DeadLetters) keep(ctx context.Context, consumer cloudevent.Consumer, e cloudevent.Event, encoded []byte, cause error) error {
	return d.db.Definer(ctx, func(tx postgres.Tx) error {
		return insertLetter(ctx, tx, letterOf(consumer, e), consumer, e, storable(string(encoded)), reason(cause))
	})
}

// keepUnsigned stores the first 4 KiB of a text without a valid signature as a dead letter. Once the consumer has as many of these as the limit
// allows, it only counts them.
func (d *DeadLetters) keepUnsigned(ctx context.Context, consumer cloudevent.Consumer, text []byte, cause error) error {
	if d.isFull(consumer) {
		d.count(consumer, outcomeCounted)
		return nil
	}
	cause = fmt.Errorf("unsigned, %d bytes with the SHA-256 %x: %w", len(text), sha256.Sum256(text), cause)
	kept := false
	err := d.db.Definer(ctx, func(tx postgres.Tx) (err error) {
		beginning := storable(string(text[:min(len(text), maxUnsigned)]))
		kept, err = insertUnsignedLetter(ctx, tx, letterID(consumer, text), consumer, beginning, reason(cause), d.limit)
		return err
	})
	if err != nil {
		return err
	}
	if kept {
		d.count(consumer, outcomeKept)
		return nil
	}
	d.setFull(consumer)
	d.count(consumer, outcomeCounted)
	return nil
}

// isFull reports whether the consumer had too many unsigned dead letters within the last minute.
func (d *DeadLetters) isFull(consumer cloudevent.Consumer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.full[consumer])
}

// setFull has isFull report true for the consumer for a minute.
func (d *DeadLetters) setFull(consumer cloudevent.Consumer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full[consumer] = time.Now().Add(fullTime)
}

// count counts an unsigned event of the consumer by its outcome.
func (d *DeadLetters) count(consumer cloudevent.Consumer, outcome string) {
	d.unsigned.WithLabelValues(string(consumer), outcome).Inc()
}

// reason returns the cause's message, at most 1 KiB of it, as a dead letter stores it.
func reason(cause error) string {
	text := cause.Error()
	return storable(text[:min(len(text), maxReason)])
}

// storable replaces NUL and bytes that are not UTF-8 by U+FFFD, since Postgres does not accept them in text.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// letterOf returns the id of the dead letter of a signed event. It is derived from the consumer and the event's id alone, so that copies with other
// unsigned attributes are stored once.
func letterOf(consumer cloudevent.Consumer, e cloudevent.Event) uuid.UUID {
	return letterID(consumer, e.ID[:])
}

// letterID derives the id of a dead letter from the consumer and the text, so that the same text is stored once.
func letterID(consumer cloudevent.Consumer, text []byte) uuid.UUID {
	sum := sha256.Sum256(append([]byte(consumer+"\x00"), text...))
	return uuid.NewSHA1(uuid.Nil, sum[:])
}
