package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/idempotency"
)

// Redacted is an answer that holds a secret: what is stored for a replay is the answer without it.
type Redacted interface {
	WithoutSecrets() any
}

const (
	// A racer with the same key waits here for the first one's transaction. A key older than a day is as good as new.
	claimSQL = `
		insert into idempotency_keys as k (actor, key, request) values ($1, $2, $3)
		on conflict (tenant_id, actor, key) do update set request = excluded.request, answer = null, created_at = now()
		where k.created_at < now() - interval '24 hours'`
	replaySQL = `select request, answer from idempotency_keys where actor = $1 and key = $2 and created_at >= now() - interval '24 hours'`
	answerSQL = `update idempotency_keys set answer = $3 where actor = $1 and key = $2`
)

// Once is Tx for a use case that makes something. If the request carries an Idempotency-Key, do runs once for that key, actor and
// request within 24 hours, and its answer is kept in the same transaction: a repetition is given the stored answer, without secrets.
// The same key with another request is Unprocessable.
func Once[T any](ctx context.Context, db *DB, tenant uuid.UUID, actor string, do func(tx Tx) (T, error)) (T, error) {
	var answer T
	key, keyed := idempotency.From(ctx)
	err := db.Tx(ctx, tenant, func(tx Tx) error {
		if keyed {
			if fresh, err := claim(ctx, tx, actor, key, &answer); err != nil || !fresh {
				return err
			}
		}
		var err error
		if answer, err = do(tx); err != nil || !keyed {
			return err
		}
		return keep(ctx, tx, actor, key, answer)
	})
	return answer, err
}

// Replay gives the answer that Once has stored for the request, if it has. A use case asks it first where what it looks at before its
// transaction is changed by that transaction, so that a repetition would look at something else.
func Replay[T any](ctx context.Context, db *DB, tenant uuid.UUID, actor string) (answer T, stored bool, err error) {
	key, keyed := idempotency.From(ctx)
	if !keyed {
		return answer, false, nil
	}
	err = db.Tx(ctx, tenant, func(tx Tx) error {
		err := replay(ctx, tx, actor, key, &answer)
		if NotFound(err) {
			return nil
		}
		stored = err == nil
		return err
	})
	return answer, stored, err
}

// claim reports whether the key is new; if it is not, the stored answer is read into answer.
func claim(ctx context.Context, tx Tx, actor string, key idempotency.Key, answer any) (bool, error) {
	tag, err := tx.Exec(ctx, claimSQL, actor, key.Value, request(key))
	if err != nil {
		return false, fmt.Errorf("idempotency: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return true, nil
	}
	return false, replay(ctx, tx, actor, key, answer)
}

// replay reads the key's stored answer.
func replay(ctx context.Context, tx Tx, actor string, key idempotency.Key, answer any) error {
	var first []byte
	var stored json.RawMessage
	if err := tx.QueryRow(ctx, replaySQL, actor, key.Value).Scan(&first, &stored); err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	if !bytes.Equal(first, request(key)) {
		return fault.New(fault.Unprocessable, "This Idempotency-Key was used with another request.", fault.Field("Idempotency-Key"))
	}
	if err := json.Unmarshal(stored, answer); err != nil {
		return fmt.Errorf("idempotency: stored answer: %w", err)
	}
	return nil
}

// request is what tells one request from another with the same key.
func request(key idempotency.Key) []byte {
	sum := sha256.Sum256(append([]byte(key.Route+"\x00"), key.Body[:]...))
	return sum[:]
}

func keep(ctx context.Context, tx Tx, actor string, key idempotency.Key, answer any) error {
	if secret, ok := answer.(Redacted); ok {
		answer = secret.WithoutSecrets()
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	if _, err := tx.Exec(ctx, answerSQL, actor, key.Value, json.RawMessage(text)); err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	return nil
}
