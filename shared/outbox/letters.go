package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Letter is an event that was not acted on, with the reason.
type Letter struct {
	ID       uuid.UUID           `json:"id"`
	Tenant   uuid.UUID           `json:"tenant"` // all zeros where the event does not say, or cannot be believed
	Consumer cloudevent.Consumer `json:"consumer"`
	Event    string              `json:"event"` // as it came; the first 4 KiB if it was not signed
	Signed   bool                `json:"signed"`
	Reason   string              `json:"reason"`
	Died     time.Time           `json:"died_at"`
	Replayed *time.Time          `json:"replayed_at"`
}

// Letters returns up to most dead letters of all tenants, the latest first. Only the operator may see them.
func Letters(ctx context.Context, db *postgres.DB, most int) (letters []Letter, err error) {
	err = db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) (err error) {
		letters, err = listLetters(ctx, tx, most)
		return err
	})
	return letters, err
}

// Replay marks a dead letter as replayed and posts its event again, as if its consumer had never handled it. It fails with NotFound if there is no
// such letter, with Unprocessable if the letter has no whole event, and with another error if the event could not be posted or K_SINK is not set.
func (o *Outbox) Replay(ctx context.Context, db *postgres.DB, letter uuid.UUID) (Letter, error) {
	if o.poster == nil {
		return Letter{}, errors.New("outbox: K_SINK is not set")
	}
	var l Letter
	err := db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) (err error) {
		if l, err = findLetter(ctx, tx, letter); err != nil {
			return err
		}
		if !l.Signed && !json.Valid([]byte(l.Event)) {
			return fault.New(fault.Unprocessable, "This is no event, or the first 4 KiB of one that was not signed: it cannot be replayed.")
		}
		var attributes struct {
			Source string    `json:"source"`
			ID     uuid.UUID `json:"id"`
		}
		if l.Signed { // what was not has no receipt to forget, and may name another event's
			_ = json.Unmarshal([]byte(l.Event), &attributes) // what is no event has none either
		}
		l, err = replayLetter(ctx, tx, letter, attributes.Source, attributes.ID)
		return err
	})
	if err != nil {
		return Letter{}, err
	}
	return l, o.poster.PostEncoded(ctx, []byte(l.Event))
}
