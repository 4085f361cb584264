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

// insertKey returns the ids of the models that have the names of the key's limits.
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

func selectKeys(ctx context.Context, tx postgres.Tx, who auth.Principal, after keyCursor, most int) ([]api.Key, error) {
	rows, err := tx.Query(ctx, selectKeysSQL, who.Terms(), after.created, after.id, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanKey(who))
}

// selectOwnKey returns the key that the caller is. It fails with Unauthenticated if the key was deleted: it is good for seconds after that.
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

// scanKey reads a row of keySQL.
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

// patternsOf converts names to patterns. It returns nil, which stands for all, for nil.
func patternsOf(tenant ref.Tenant, names []string) []ref.Pattern {
	var models []ref.Pattern
	for _, name := range names {
		models = append(models, ref.Pattern{Tenant: tenant, Name: name})
	}
	return models
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

const deleteKeySQL = `delete from api_keys where ` + withinSQL + ` and id = $2`

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

func noKey() error { return fault.New(fault.NotFound, "There is no such API key.") }

const selectKeySQL = `select tenant_id, tenant, user_id, roles, hash, scopes, models, model_ids, expires_at, stale from auth_bound_key($1)`

// selectKey reports also whether the key's last use was noted long enough ago.
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

func touchKey(ctx context.Context, tx postgres.Tx, id string) error {
	_, err := tx.Exec(ctx, touchKeySQL, id)
	return err
}
