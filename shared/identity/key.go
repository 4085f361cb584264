package identity

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// KeyName is what people call a key: 1 to 100 characters without control characters.
type KeyName string

const maxKeyName = 100

// UnmarshalText checks a key's name.
func (n *KeyName) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxKeyName || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.New(fault.Invalid, fmt.Sprintf("a key's name has 1 to %d characters, none of them a control character", maxKeyName), fault.Field("name"))
	}
	*n = KeyName(s)
	return nil
}

// Key is an API key, without its secret except in the answer to its maker.
type Key struct {
	ID         string            `json:"id"`
	Name       KeyName           `json:"name"`
	Scopes     []auth.Permission `json:"scopes"`
	Models     []ref.Pattern     `json:"models"`   // null for all; names and patterns otherwise
	Bindings   []Binding         `json:"bindings"` // null for all; one for each of models otherwise
	ExpiresAt  *time.Time        `json:"expires_at"`
	LastUsedAt *time.Time        `json:"last_used_at"` // exact to a minute
	CreatedAt  time.Time         `json:"created_at"`
	Secret     string            `json:"secret,omitempty"` // the whole credential, once
}

// Binding says which model a key's limit leads to: a name to the model that had it when the key was made, a pattern to all whose names it matches.
type Binding struct {
	Model ref.Pattern `json:"model"`
	ID    *uuid.UUID  `json:"id"`   // of the model that a name is bound to; null for a pattern, and where there was no model
	Gone  bool        `json:"gone"` // there is no such model: a name that leads to none, for it is another model's if it is used again
}

// WithoutSecrets is what a repetition of the request is answered with.
func (k Key) WithoutSecrets() any {
	k.Secret = ""
	return k
}

// SetHeader keeps the secret out of caches.
func (k Key) SetHeader(h http.Header) {
	if k.Secret != "" {
		h.Set("Cache-Control", "no-store")
	}
}

// Keys makes, lists, deletes and verifies API keys.
type Keys struct {
	db     *postgres.DB
	hash   auth.KeyHash
	policy *auth.Policy
}

// OpenKeys opens what the use cases of API keys need.
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

// NewKey asks for a key that may do at most what its scopes say, to at most the models that it lists: by a name that which has it now, and no other that has
// it later; by a pattern like acme/fraud-* all whose names match, now and later.
type NewKey struct {
	Name      KeyName       `json:"name"`
	Scopes    []auth.Scope  `json:"scopes"`
	Models    []ref.Pattern `json:"models,omitempty"`
	ExpiresAt *time.Time    `json:"expires_at"`
}

// The most that one key lists.
const (
	maxScopes = 50
	maxModels = 200
)

// Create makes a key for the caller's tenant, whose secret is in this answer alone. It fails with Forbidden for scopes that go beyond the
// caller's own permissions, and where the caller is a key itself, since then a key could outlive itself. It
// fails with Unprocessable for the name of a model that there is not.
func (k *Keys) Create(ctx context.Context, who auth.Principal, in NewKey) (Key, error) {
	if who.Key != "" {
		return Key{}, fault.New(fault.Forbidden, "An API key cannot make API keys; sign in.")
	}
	models, err := in.check(who, time.Now())
	if err != nil {
		return Key{}, err
	}
	if err := k.grantable(who, in.Scopes); err != nil {
		return Key{}, err
	}
	credential := auth.NewAPIKey()
	key := Key{
		ID: credential.ID, Name: in.Name, Scopes: named[auth.Permission](texts(in.Scopes)), Models: models, ExpiresAt: utc(in.ExpiresAt),
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), Secret: credential.String(),
	}
	return postgres.Once(ctx, k.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (Key, error) {
		ids, err := insertKey(ctx, tx, key, who.User, k.hash.Of(credential))
		if err != nil {
			return Key{}, err
		}
		if key.Bindings, err = bind(models, ids); err != nil {
			return Key{}, err
		}
		return key, audit.Record(ctx, tx, who, keyCreated, "key:"+key.ID)
	})
}

// grantable fails with Forbidden if a scope covers a permission that the caller does not have.
func (k *Keys) grantable(who auth.Principal, scopes []auth.Scope) error {
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

// bind gives the bindings of a new key, by the ids of its models.
func bind(models []ref.Pattern, ids []*uuid.UUID) ([]Binding, error) {
	bindings := bindingsOf(models, ids, nil)
	for _, b := range bindings {
		if m, exact := b.Model.Exact(); exact && b.ID == nil {
			return nil, fault.New(fault.Unprocessable, fmt.Sprintf("There is no model %s: a key for a name is bound to the model that has it. "+
				"Make the model first, or give a pattern like %s*, which matches models that are made later.", m, m), fault.Field("models"))
		}
	}
	return bindings, nil
}

// bindingsOf keeps nil, which stands for all. Of the ids, gone are those of models that there are no more.
func bindingsOf(models []ref.Pattern, ids []*uuid.UUID, gone []uuid.UUID) []Binding {
	var bindings []Binding
	for i, model := range models {
		b := Binding{Model: model, ID: ids[i]}
		if _, exact := model.Exact(); exact {
			b.Gone = b.ID == nil || slices.Contains(gone, *b.ID)
		}
		bindings = append(bindings, b)
	}
	return bindings
}

// limitsOf gives what a key is limited to; nil for all.
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

// check gives the models without repetitions, nil for all.
func (in NewKey) check(who auth.Principal, now time.Time) ([]ref.Pattern, error) {
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

// ListKeys asks for the tenant's keys, the newest first.
type ListKeys struct {
	page.Request
}

// List gives the tenant's keys, without their secrets. A caller who is limited to models gets those keys alone that are limited to the same or fewer.
func (k *Keys) List(ctx context.Context, who auth.Principal, in ListKeys) (page.Page[Key], error) {
	after, err := parseKeyCursor(in.After)
	if err != nil {
		return page.Page[Key]{}, err
	}
	var keys []Key
	err = k.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		keys, err = selectKeys(ctx, tx, who, after, in.Size+1)
		return err
	})
	return page.Of(in.Request, keys, Key.cursor), err
}

// DeleteKey names a key.
type DeleteKey struct {
	ID string `path:"id"`
}

// Delete ends a key: it is refused within seconds everywhere. It fails with NotFound for a key that the caller does not see.
func (k *Keys) Delete(ctx context.Context, who auth.Principal, in DeleteKey) (struct{}, error) {
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

// Verify gives the principal of a key by its id and the hash of the whole credential (auth.KeyHash). It fails with Unauthenticated for a key that is unknown,
// expired or deleted, whose maker has left, and for a wrong hash: the same for each.
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

// cursor is the key's place in the list.
func (k Key) cursor() string { return k.CreatedAt.Format(time.RFC3339Nano) + " " + k.ID }

type keyCursor struct {
	created time.Time
	id      string
}

// parseKeyCursor reads what cursor wrote; "" is before the newest key.
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
