package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/idempotency"
)

const (
	// A racer with the same key waits here for the first one's transaction. A key that is older than its life is as good as new.
	claimSQL = `
		insert into idempotency_keys as k (actor, key, request) values ($1, $2, $3)
		on conflict (tenant_id, actor, key) do update set request = excluded.request, answer = null, created_at = now()
		where k.created_at < now() - $4::interval`
	replaySQL = `select request, answer from idempotency_keys where actor = $1 and key = $2 and created_at >= now() - $3::interval`
	answerSQL = `update idempotency_keys set answer = $3 where actor = $1 and key = $2`
)

// keyLife is for how long a key's answer is repeated. Sweep forgets keys that are older.
const keyLife = 24 * time.Hour

// claim stores the actor's key with its request, and reports whether it is new. If it is not, claim decodes the stored answer into answer, and
// fails with Unprocessable if the key was used with another request. While another transaction has the key, it waits for its end.
func claim(ctx context.Context, tx Tx, actor string, key idempotency.Key, answer any) (bool, error) {
	tag, err := tx.Exec(ctx, claimSQL, actor, key.Value, request(key), keyLife)
	if err != nil {
		return false, fmt.Errorf("idempotency: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return true, nil
	}
	return false, replay(ctx, tx, actor, key, answer)
}

// replay decodes the answer stored under the actor's key into answer. It fails with Unprocessable if the key was used with another request, and
// with pgx.ErrNoRows if there is none.
func replay(ctx context.Context, tx Tx, actor string, key idempotency.Key, answer any) error {
	var first []byte
	var stored json.RawMessage
	if err := tx.QueryRow(ctx, replaySQL, actor, key.Value, keyLife).Scan(&first, &stored); err != nil {
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

// keep stores the answer under the actor's key, which claim has stored. It removes secrets first (Redacted).
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
