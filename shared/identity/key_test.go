package identity_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/identitytest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

func openKeys(t *testing.T, w *identitytest.World) (*identity.Keys, *identity.Authenticator) {
	t.Helper()
	keys, err := identity.OpenKeys(t.Context(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	authn, err := identity.OpenAuthenticator(t.Context(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return keys, authn
}

// change runs SQL behind row-level security.
func change(t *testing.T, w *identitytest.World, sql string, args ...any) {
	t.Helper()
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

func parse(t *testing.T, credential string) auth.APIKey {
	t.Helper()
	key, err := auth.ParseAPIKey(credential)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAKeyStandsForItsMakerWithinItsLimits(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	fraud := makeModel(t, w, "fraud")
	made, err := keys.Create(t.Context(), w.Owner, api.CreateKeyRequest{
		Name: "ci", Scopes: []api.Scope{"inference:execute"}, Models: []ref.Pattern{{Tenant: "acme", Name: "fraud"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	who, err := authn.APIKey(t.Context(), parse(t, made.Secret))
	if err != nil {
		t.Fatal(err)
	}
	if who.Tenant != w.Owner.Tenant || who.User != w.Owner.User || who.Key != made.ID || who.Roles[0] != api.Owner || who.Scopes[0] != "inference:execute" {
		t.Errorf("principal is %+v", who)
	}
	if !who.Sees(ref.Model{Tenant: "acme", Name: "fraud"}, fraud) || who.Sees(ref.Model{Tenant: "acme", Name: "other"}, uuid.New()) {
		t.Error("its models do not limit it")
	}
	if w.Audited(w.Owner, "key.create", "done") != 1 {
		t.Error("it is not in the log")
	}
}

// makeModel makes a model behind row-level security, and returns its id.
func makeModel(t *testing.T, w *identitytest.World, name string) uuid.UUID {
	t.Helper()
	id := uuid.New()
	change(t, w, `insert into models (id, tenant_id, name, created_by) values ($1, $2, $3, 'test')`, id, w.Owner.Tenant, name)
	return id
}

// TestANameIsBoundToTheModelThatHasIt deletes a model, and makes another of its name.
func TestANameIsBoundToTheModelThatHasIt(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	fraud := ref.Model{Tenant: "acme", Name: "fraud"}
	in := api.CreateKeyRequest{Name: "ci", Scopes: []api.Scope{"model:read"}, Models: []ref.Pattern{ref.Exactly(fraud)}}
	_, err := keys.Create(t.Context(), w.Owner, in)
	faulttest.AssertKind(t, err, fault.Unprocessable, "models")
	if said := err.Error(); !strings.Contains(said, "acme/fraud") || !strings.Contains(said, "pattern") {
		t.Errorf("it is refused with %q", said)
	}
	makeModel(t, w, "fraud")
	old := create(t, keys, w, in)
	in.Models = []ref.Pattern{{Tenant: "acme", Name: "fr*d"}}
	pattern := create(t, keys, w, in)

	change(t, w, `delete from models where name = 'fraud'`)
	second := makeModel(t, w, "fraud")

	who, err := authn.APIKey(t.Context(), parse(t, old.Secret))
	if err != nil || who.Limits == nil || who.Sees(fraud, second) {
		t.Errorf("the old key's is %+v, %v", who, err)
	}
	if who, err := authn.APIKey(t.Context(), parse(t, pattern.Secret)); err != nil || !who.Sees(fraud, second) {
		t.Errorf("the pattern's is %+v, %v", who, err)
	}
	in.Models = []ref.Pattern{ref.Exactly(fraud)}
	if who, err := authn.APIKey(t.Context(), parse(t, create(t, keys, w, in).Secret)); err != nil || !who.Sees(fraud, second) {
		t.Errorf("the new key's is %+v, %v", who, err)
	}
	list, err := keys.List(t.Context(), w.Owner, api.ListKeysRequest{Request: page.Request{Size: 10}})
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("they are %+v, %v", list.Items, err)
	}
	bound, matched, unbound := list.Items[0].Bindings[0], list.Items[1].Bindings[0], list.Items[2].Bindings[0]
	if bound.Gone || bound.ID == nil || *bound.ID != api.ID(second) || matched.Gone || matched.ID != nil || !unbound.Gone || unbound.ID == nil || *unbound.ID == api.ID(second) {
		t.Errorf("they are bound to %+v, %+v and %+v", bound, matched, unbound)
	}
	answer, err := identity.NewService(keys).VerifyKey(t.Context(), connect.NewRequest(&maasv1.VerifyKeyRequest{Id: old.ID, Hash: hashOf(t, w, old.Secret)}))
	if err != nil || !answer.Msg.GetLimited() || len(answer.Msg.GetBoundModels()) != 1 || answer.Msg.GetBoundModels()[0].GetId() != unbound.ID.String() {
		t.Errorf("the gateway is answered %v, %v", answer, err)
	}
}

// TestAKeyWithoutIDsAllowsNoModel is about a key from before names were bound, whose model was gone already.
func TestAKeyWithoutIDsAllowsNoModel(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	id := makeModel(t, w, "fraud")
	old := create(t, keys, w, api.CreateKeyRequest{Name: "ci", Scopes: []api.Scope{"model:read"}, Models: []ref.Pattern{{Tenant: "acme", Name: "fraud"}}})
	change(t, w, `update api_keys set model_ids = '{null}'`)

	who, err := authn.APIKey(t.Context(), parse(t, old.Secret))
	if err != nil || who.Limits == nil || who.Sees(ref.Model{Tenant: "acme", Name: "fraud"}, id) {
		t.Errorf("it is %+v's, %v", who, err)
	}
	list, err := keys.List(t.Context(), w.Owner, api.ListKeysRequest{Request: page.Request{Size: 10}})
	if err != nil || !list.Items[0].Bindings[0].Gone {
		t.Errorf("it is listed as %+v, %v", list.Items, err)
	}
	answer, err := identity.NewService(keys).VerifyKey(t.Context(), connect.NewRequest(&maasv1.VerifyKeyRequest{Id: old.ID, Hash: hashOf(t, w, old.Secret)}))
	if err != nil || !answer.Msg.GetLimited() || len(answer.Msg.GetModels()) == 0 {
		t.Errorf("the gateway is answered %v, %v", answer, err)
	}
}

func create(t *testing.T, keys *identity.Keys, w *identitytest.World, in api.CreateKeyRequest) api.Key {
	t.Helper()
	key, err := keys.Create(t.Context(), w.Owner, in)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func hashOf(t *testing.T, w *identitytest.World, credential string) []byte {
	t.Helper()
	hash, err := auth.OpenKeyHash(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return hash.Of(parse(t, credential))
}

func TestAKeyThatIsNotGoodIsRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	good := parse(t, w.APIKey(w.Owner, "model:read"))
	wrong := good
	wrong.Secret = strings.Repeat("a", len(wrong.Secret))
	expired := parse(t, w.APIKey(w.Owner, "model:read"))
	change(t, w, `update api_keys set expires_at = now() where id = $1`, expired.ID)
	deleted := parse(t, w.APIKey(w.Owner, "model:read"))
	if _, err := keys.Delete(t.Context(), w.Owner, api.DeleteKeyRequest{ID: deleted.ID}); err != nil {
		t.Fatal(err)
	}
	gone := w.Member(w.Owner, api.Admin)
	left := parse(t, w.APIKey(gone, "model:read"))
	change(t, w, `delete from memberships where user_id = $1`, gone.User)

	messages := map[string]bool{}
	for name, key := range map[string]auth.APIKey{
		"unknown": auth.NewAPIKey(), "wrong secret": wrong, "expired": expired, "deleted": deleted, "maker has left": left,
	} {
		_, err := authn.APIKey(t.Context(), key)
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		messages[fault.From(err).Message] = true
	}
	if len(messages) != 1 {
		t.Errorf("the answers tell them apart: %v", messages)
	}
	if _, err := authn.APIKey(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestAKeysUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	key := parse(t, w.APIKey(w.Owner, "model:read"))
	used := func() *time.Time {
		if _, err := authn.APIKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		in := api.ListKeysRequest{}
		in.Size = 1
		list, err := keys.List(t.Context(), w.Owner, in)
		if err != nil {
			t.Fatal(err)
		}
		return list.Items[0].LastUsedAt
	}
	first := used()
	if first == nil || !used().Equal(*first) {
		t.Fatalf("first noted at %v", first)
	}
	change(t, w, `update api_keys set last_used_at = last_used_at - interval '61 seconds'`)
	if again := used(); !again.After(first.Add(-time.Second)) {
		t.Errorf("after a minute it is still %v", again)
	}
}

func TestARepeatedCreationDoesNotShowTheSecretAgain(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, _ := openKeys(t, w)
	ctx := idempotency.With(t.Context(), idempotency.Key{Value: "1", Route: "POST /v1/api-keys"})
	var made [2]api.Key
	for i := range made {
		var err error
		if made[i], err = keys.Create(ctx, w.Owner, api.CreateKeyRequest{Name: "ci", Scopes: []api.Scope{"model:read"}}); err != nil {
			t.Fatal(err)
		}
	}
	if made[0].Secret == "" || made[1].Secret != "" || made[0].ID != made[1].ID {
		t.Errorf("the answers are %+v", made)
	}
}

func TestAMakerGivesNoMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, _ := openKeys(t, w)
	for _, c := range []struct {
		role  api.Role
		scope api.Scope
		want  bool
	}{
		{api.Owner, "*:*", true},
		{api.Developer, "*:*", false},
		{api.Developer, "usage:*", true},
		{api.Admin, "model:*", true},
		{api.Developer, "model:*", true},
		{api.Developer, "*:read", false},
		{api.Viewer, "*:read", true},
		{api.Caller, "model:read", false},
	} {
		_, err := keys.Create(t.Context(), w.Member(w.Owner, c.role), api.CreateKeyRequest{Name: "x", Scopes: []api.Scope{c.scope}})
		if (err == nil) != c.want {
			t.Errorf("%s gives %s: %v", c.role, c.scope, err)
		}
		if err != nil {
			faulttest.AssertKind(t, err, fault.Forbidden)
		}
	}
}

// TestAKeyWhoseScopesAreUnknownMayWhatIsLeft has a key from a time when any scope was taken.
func TestAKeyWhoseScopesAreUnknownMayWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, authn := openKeys(t, w)
	made := create(t, keys, w, api.CreateKeyRequest{Name: "old", Scopes: []api.Scope{"model:read"}})
	change(t, w, `update api_keys set scopes = array['models:read', 'tenant:delete', 'model:read'] where id = $1`, made.ID)

	who, err := authn.APIKey(t.Context(), parse(t, made.Secret))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	if err := policy.Authorize(who, "model:read"); err != nil {
		t.Error(err)
	}
	faulttest.AssertKind(t, policy.Authorize(who, "tenant:delete"), fault.Forbidden)

	listed, err := keys.List(t.Context(), w.Owner, api.ListKeysRequest{Request: page.Request{Size: 10}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(listed)
	if err != nil {
		t.Fatal(err)
	}
	var read page.Page[api.Key] // as the command reads it
	if err := json.Unmarshal(text, &read); err != nil || len(read.Items) != 1 || len(read.Items[0].Scopes) != 3 {
		t.Errorf("%s is read as %+v: %v", text, read, err)
	}
}
