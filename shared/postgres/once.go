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

// Replay returns the answer that Once has stored for the request, if it has. A use case asks it first where what it looks at before its
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

// request returns what tells one request from another with the same key.
func request(key idempotency.Key) []byte {
	sum := sha256.Sum256(append([]byte(key.Route+"\x00"), key.Body[:]...))
	return sum[:]
}
