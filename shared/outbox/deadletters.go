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

// OpenDeadLetters returns the dead letters that a role of the database keeps.
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

// Bury stores an encoded event, which could not be delivered to the consumer, as a dead letter with its cause.
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

// keep stores a signed event as a dead letter.
func (d *DeadLetters) keep(ctx context.Context, consumer cloudevent.Consumer, e cloudevent.Event, encoded []byte, cause error) error {
	return d.db.Definer(ctx, func(tx postgres.Tx) error {
		return insertLetter(ctx, tx, letterOf(consumer, e), consumer, e, storable(string(encoded)), reason(cause))
	})
}

// keepUnsigned stores the beginning of a text without a valid signature as a dead letter. Once the consumer has as many
// of these as the limit allows, it only counts them.
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

func (d *DeadLetters) isFull(consumer cloudevent.Consumer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.full[consumer])
}

func (d *DeadLetters) setFull(consumer cloudevent.Consumer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full[consumer] = time.Now().Add(fullTime)
}

func (d *DeadLetters) count(consumer cloudevent.Consumer, outcome string) {
	d.unsigned.WithLabelValues(string(consumer), outcome).Inc()
}

// reason returns the text that a dead letter stores about its cause.
func reason(cause error) string {
	text := cause.Error()
	return storable(text[:min(len(text), maxReason)])
}

// storable replaces the bytes that a text column of Postgres does not accept.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// letterOf returns the id of the dead letter of a signed event. It is made of the event's id and consumer alone, so that copies of the event whose unsigned
// attributes differ are kept once.
func letterOf(consumer cloudevent.Consumer, e cloudevent.Event) uuid.UUID {
	return letterID(consumer, e.ID[:])
}

// letterID derives the id of a dead letter from the poison, so that copies of it are one dead letter.
func letterID(consumer cloudevent.Consumer, text []byte) uuid.UUID {
	sum := sha256.Sum256(append([]byte(consumer+"\x00"), text...))
	return uuid.NewSHA1(uuid.Nil, sum[:])
}
