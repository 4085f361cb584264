package identity

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const insertKeySQL = `
	insert into api_keys (id, user_id, name, hash, scopes, models, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
	returning model_ids`

// insertKey stores a new key with the hash of its credential. It returns the id of each of the key's models, nil for a pattern and for a name that
// no model has; no ids if the key is for all models.
func insertKey(ctx context.Context, tx postgres.Tx, k api.Key, maker uuid.UUID, hash []byte) (ids []*uuid.UUID, err error) {
	var limited []string // nil for all
	for _, m := range k.Models {
		limited = append(limited, m.Name)
	}
	err = tx.QueryRow(ctx, insertKeySQL, k.ID, maker, string(k.Name), hash, texts(k.Scopes), limited, k.CreatedAt, k.ExpiresAt).Scan(&ids)
	return ids, err
}

// withinSQL limits keys to those that may do no more than a key with the limits $1: each of their models is one that it sees.
const withinSQL = `($1::text[] is null or models is not null and not exists (
	select from unnest(models, model_ids) as u (name, id) where maas_sees($1, u.id, u.name) is not true))`

const (
	keySQL = `
	select id, name, scopes, models, model_ids,
		array(select u.id from unnest(model_ids) as u (id) where u.id is not null and not exists (select from models m where m.id = u.id)),
		created_at, expires_at, last_used_at
	from api_keys
	where `
	selectOwnKeySQL = keySQL + `id = $1`
)

const selectKeysSQL = keySQL + withinSQL + ` and (created_at, id) < ($2, $3) order by created_at desc, id desc limit $4`

// selectKeys returns up to most of the tenant's keys that come after the cursor, newest first. A caller with limits gets only keys whose models it
// sees.
func selectKeys(ctx context.Context, tx postgres.Tx, who auth.Principal, after keyCursor, most int) ([]api.Key, error) {
	rows, err := tx.Query(ctx, selectKeysSQL, who.Terms(), after.created, after.id, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanKey(who))
}

// selectOwnKey returns the key that the caller authenticated with. It fails with Unauthenticated if the key has been deleted, which other checks
// notice only seconds later.
func selectOwnKey(ctx context.Context, tx postgres.Tx, who auth.Principal) (api.Key, error) {
	rows, err := tx.Query(ctx, selectOwnKeySQL, who.Key)
	if err != nil {
		return api.Key{}, err
	}
	key, err := pgx.CollectExactlyOneRow(rows, scanKey(who))
	if postgres.NotFound(err) {
		return api.Key{}, fault.New(fault.Unauthenticated, "The API key is not valid.")
	}
	return key, err
}

// scanKey returns a function that reads a row of keySQL, for a caller in the key's tenant.
func scanKey(who auth.Principal) pgx.RowToFunc[api.Key] {
	return func(row pgx.CollectableRow) (api.Key, error) {
		var k api.Key
		var scopes, models []string
		var ids []*uuid.UUID
		var gone []uuid.UUID
		err := row.Scan(&k.ID, (*string)(&k.Name), &scopes, &models, &ids, &gone, &k.CreatedAt, &k.ExpiresAt, &k.LastUsedAt)
		k.Scopes, k.CreatedAt, k.ExpiresAt, k.LastUsedAt = named[api.Permission](scopes), k.CreatedAt.UTC(), utc(k.ExpiresAt), utc(k.LastUsedAt)
		k.Models = patternsOf(who.TenantName, models)
		k.Bindings = bindingsOf(k.Models, ids, gone)
		return k, err
	}
}

// patternsOf returns the names as patterns of the tenant's models. For nil, which stands for all models, it returns nil.
func patternsOf(tenant ref.Tenant, names []string) []ref.Pattern {
	var models []ref.Pattern
	for _, name := range names {
		models = append(models, ref.Pattern{Tenant: tenant, Name: name})
	}
	return models
}

// utc returns the time in UTC, or nil for nil.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

const deleteKeySQL = `delete from api_keys where ` + withinSQL + ` and id = $2`

// deleteKey deletes a key. It fails with NotFound if there is none with the id, or the caller's limits do not cover its models.
func deleteKey(ctx context.Context, tx postgres.Tx, who auth.Principal, id string) error {
	if !auth.IsAPIKeyID(id) {
		return noKey()
	}
	tag, err := tx.Exec(ctx, deleteKeySQL, who.Terms(), id)
	if err == nil && tag.RowsAffected() == 0 {
		return noKey()
	}
	return err
}

// noKey returns the NotFound fault of an API key.
func noKey() error { return fault.New(fault.NotFound, "There is no such API key.") }

const selectKeySQL = `select tenant_id, tenant, user_id, roles, hash, scopes, models, model_ids, expires_at, stale from auth_bound_key($1)`

// selectKey returns the key with the id. stale reports whether its last use was recorded long enough ago to be recorded again. It fails with
// Unauthenticated if there is no valid key with the id, or the hash is not the key's.
func selectKey(ctx context.Context, tx postgres.Tx, id string, hash []byte) (key VerifiedKey, stale bool, err error) {
	var roles, scopes, models []string
	var ids []*uuid.UUID
	var stored []byte
	key.Key = id
	err = tx.QueryRow(ctx, selectKeySQL, id).Scan(
		&key.Tenant, (*string)(&key.TenantName), &key.User, &roles, &stored, &scopes, &models, &ids, &key.ExpiresAt, &stale)
	if err != nil && !postgres.NotFound(err) {
		return VerifiedKey{}, false, err
	}
	if err != nil || subtle.ConstantTimeCompare(stored, hash) != 1 {
		return VerifiedKey{}, false, fault.New(fault.Unauthenticated, "The API key is not valid.")
	}
	key.Roles, key.Scopes = named[api.Role](roles), named[api.Permission](scopes)
	key.Limits = limitsOf(patternsOf(key.TenantName, models), ids)
	return key, stale, nil
}

const touchKeySQL = `select auth_key_used($1)`

// touchKey records that the key is used now.
func touchKey(ctx context.Context, tx postgres.Tx, id string) error {
	_, err := tx.Exec(ctx, touchKeySQL, id)
	return err
}
