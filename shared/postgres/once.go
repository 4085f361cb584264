package postgres

import (
	"context"
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/idempotency"
)

// Redacted is an answer that holds a secret: what is stored for a replay is the answer without it.
type Redacted interface {
	WithoutSecrets() any
}

// Once runs do in a transaction as DB.Tx does. If the request carries an Idempotency-Key, do takes effect once for that key and actor within 24
// hours, and its answer is stored in the same transaction: a repetition gets the stored answer, without secrets. Once fails with Unprocessable for
// the same key with another request.
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

// Replay returns the answer that Once has stored for the request. stored is false if there is none, or no Idempotency-Key. A use case calls it
// before Once if it first reads what the transaction changes, since a repetition would read something else. It fails with Unprocessable for the
// same key with another request.
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

// request returns a hash of the request's route, path and body, by which requests with the same key are told apart.
func request(key idempotency.Key) []byte {
	sum := sha256.Sum256(append([]byte(key.Route+"\x00"), key.Body[:]...))
	return sum[:]
}
