package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Keys makes, lists, deletes and verifies API keys.
type Keys struct {
	db     *postgres.DB
	hash   auth.KeyHash
	policy *auth.Policy
}

// OpenKeys returns Keys with the process's database and the installation's key for hashes. It fails if the configuration of either is invalid.
func OpenKeys(ctx context.Context, e *env.Env) (*Keys, error) {
	db, err := openDB(ctx, e)
	if err != nil {
		return nil, err
	}
	hash, err := auth.OpenKeyHash(e)
	if err != nil {
		return nil, err
	}
	policy, err := auth.NewPolicy()
	return &Keys{db, hash, policy}, err
}

// The most that one key lists.
const (
	maxScopes = 50
	maxModels = 200
)

// Create makes a key for the caller's tenant, whose secret is in this answer alone. It fails with Forbidden for scopes that go beyond the
// caller's own permissions, and where the caller is a key itself, since then a key could outlive itself. It
// fails with Unprocessable for the name of a model that there is not.
func (k *Keys) Create(ctx context.Context, who auth.Principal, in api.CreateKeyRequest) (api.Key, error) {
	if who.Key != "" {
		return api.Key{}, fault.New(fault.Forbidden, "An API key cannot make API keys; sign in.")
	}
	models, err := checkKey(who, in, time.Now())
	if err != nil {
		return api.Key{}, err
	}
	if err := k.grantable(who, in.Scopes); err != nil {
		return api.Key{}, err
	}
	credential := auth.NewAPIKey()
	key := api.Key{
		ID: credential.ID, Name: in.Name, Scopes: named[api.Permission](texts(in.Scopes)), Models: models, ExpiresAt: utc(in.ExpiresAt),
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), Secret: credential.String(),
	}
	return postgres.Once(ctx, k.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Key, error) {
		ids, err := insertKey(ctx, tx, key, who.User, k.hash.Of(credential))
		if err != nil {
			return api.Key{}, err
		}
		if key.Bindings, err = bind(models, ids); err != nil {
			return api.Key{}, err
		}
		return key, audit.Record(ctx, tx, who, keyCreated, "key:"+key.ID)
	})
}

// grantable fails with Forbidden if one of the scopes covers a permission that the caller does not have.
func (k *Keys) grantable(who auth.Principal, scopes []api.Scope) error {
	for _, scope := range scopes {
		for _, permission := range scope.Covered() {
			if err := k.policy.Authorize(who, permission); err != nil {
				return fault.New(fault.Forbidden, fmt.Sprintf("The scope %s covers %s, which you do not have in %s.", scope, permission, who.TenantName),
					fault.Field("scopes"), fault.Cause(err))
			}
		}
	}
	return nil
}

// bind returns a new key's bindings. ids has the id of each model, nil for a pattern and for a name that no model has. It fails with Unprocessable
// if a model that is named exactly has no id.
func bind(models []ref.Pattern, ids []*uuid.UUID) ([]api.KeyBinding, error) {
	bindings := bindingsOf(models, ids, nil)
	for _, b := range bindings {
		if m, exact := b.Model.Exact(); exact && b.ID == nil {
			return nil, fault.New(fault.Unprocessable, fmt.Sprintf("There is no model %s: a key for a name is bound to the model that has it. "+
				"Make the model first, or give a pattern like %s*, which matches models that are made later.", m, m), fault.Field("models"))
		}
	}
	return bindings, nil
}

// bindingsOf returns a key's bindings: each model with its id of ids. A model that is named exactly counts as gone if its id is nil or among gone.
// For nil models, which stand for all, it returns nil.
func bindingsOf(models []ref.Pattern, ids []*uuid.UUID, gone []uuid.UUID) []api.KeyBinding {
	var bindings []api.KeyBinding
	for i, model := range models {
		b := api.KeyBinding{Model: model, ID: (*api.ID)(ids[i])}
		if _, exact := model.Exact(); exact {
			b.Gone = b.ID == nil || slices.Contains(gone, *ids[i])
		}
		bindings = append(bindings, b)
	}
	return bindings
}

// limitsOf returns a key's limits for the models and their ids. It returns nil, which allows all models, for nil models. A model that is named
// exactly but has a nil id is left out.
func limitsOf(models []ref.Pattern, ids []*uuid.UUID) *auth.Limits {
	if models == nil {
		return nil
	}
	limits := &auth.Limits{}
	for i, model := range models {
		m, exact := model.Exact()
		switch {
		case !exact:
			limits.Patterns = append(limits.Patterns, model)
		case ids[i] != nil:
			limits.Models = append(limits.Models, auth.BoundModel{ID: *ids[i], Name: m.Name})
		}
	}
	return limits
}

// checkKey returns the models of a request for a key without duplicates, nil for all models. It fails with Invalid, and names the field, if there
// are no scopes, too many scopes or models, an empty list of models, a model of another tenant, or an expiry that is not after now.
func checkKey(who auth.Principal, in api.CreateKeyRequest, now time.Time) ([]ref.Pattern, error) {
	switch {
	case len(in.Scopes) == 0 || len(in.Scopes) > maxScopes:
		return nil, fault.New(fault.Invalid, fmt.Sprintf("a key has 1 to %d scopes", maxScopes), fault.Field("scopes"))
	case in.Models != nil && len(in.Models) == 0:
		return nil, fault.New(fault.Invalid, "an empty list of models allows nothing; leave it out for all models", fault.Field("models"))
	case len(in.Models) > maxModels:
		return nil, fault.New(fault.Invalid, fmt.Sprintf("a key lists %d models at most", maxModels), fault.Field("models"))
	case in.ExpiresAt != nil && !in.ExpiresAt.After(now):
		return nil, fault.New(fault.Invalid, "a key expires in the future", fault.Field("expires_at"))
	}
	var models []ref.Pattern
	for _, m := range in.Models {
		if m.Tenant != who.TenantName {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("%s is not of your tenant %s", m, who.TenantName), fault.Field("models"))
		}
		if !slices.Contains(models, m) {
			models = append(models, m)
		}
	}
	return models, nil
}

// List returns the tenant's keys, without their secrets. A caller who is limited to models gets those keys alone that are limited to the same or fewer.
func (k *Keys) List(ctx context.Context, who auth.Principal, in api.ListKeysRequest) (page.Page[api.Key], error) {
	after, err := parseKeyCursor(in.After)
	if err != nil {
		return page.Page[api.Key]{}, err
	}
	var keys []api.Key
	err = k.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		keys, err = selectKeys(ctx, tx, who, after, in.Size+1)
		return err
	})
	return page.Of(in.Request, keys, cursorOf), err
}

// Delete ends a key: it is refused within seconds everywhere. It fails with NotFound for a key that the caller does not see.
func (k *Keys) Delete(ctx context.Context, who auth.Principal, in api.DeleteKeyRequest) (struct{}, error) {
	return struct{}{}, k.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if err := deleteKey(ctx, tx, who, in.ID); err != nil {
			return err
		}
		if err := revoke(ctx, tx, auth.RevokedKey, in.ID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, keyDeleted, "key:"+in.ID)
	})
}

// VerifiedKey is what a good API key stands for.
type VerifiedKey struct {
	auth.Principal

	ExpiresAt *time.Time
}

// Verify returns the principal of an API key, by the key's id and the hash of the whole credential (auth.KeyHash), and records the use now and
// then. It fails with Unauthenticated, always with the same message, for a key that is unknown, expired or deleted, whose maker has left the
// tenant, and for a wrong hash.
func (k *Keys) Verify(ctx context.Context, id string, hash []byte) (VerifiedKey, error) {
	var verified VerifiedKey
	err := k.db.Definer(ctx, func(tx postgres.Tx) error {
		var stale bool
		var err error
		if verified, stale, err = selectKey(ctx, tx, id, hash); err != nil || !stale {
			return err
		}
		return touchKey(ctx, tx, id)
	})
	return verified, err
}

// cursorOf returns the key's place in the list.
func cursorOf(k api.Key) string { return k.CreatedAt.Format(time.RFC3339Nano) + " " + k.ID }

type keyCursor struct {
	created time.Time
	id      string
}

// parseKeyCursor parses a cursor that cursorOf returned. An empty cursor stands for the start of the list, before the newest key. It fails with
// Invalid if the cursor is malformed.
func parseKeyCursor(s string) (keyCursor, error) {
	if s == "" {
		return keyCursor{created: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
	}
	created, id, _ := strings.Cut(s, " ")
	at, err := time.Parse(time.RFC3339Nano, created)
	if err != nil {
		return keyCursor{}, fault.New(fault.Invalid, "the page token is not valid", fault.Field("page_token"), fault.Cause(err))
	}
	return keyCursor{at, id}, nil
}
