// Package authtest gives tests what an installation has: its secret, its signing keys, and callers with tokens and keys.
package authtest

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
)

// Installation has the secrets of one installation. It is an auth.Authenticator that knows what the test has told it.
type Installation struct {
	// Vars are the environment variables that functions find the secrets by.
	Vars map[string]string
	// Keys holds the principals of API keys by the whole credential.
	Keys map[string]auth.Principal
	// Revoked are the sessions whose tokens are no longer good.
	Revoked map[uuid.UUID]bool

	signer *auth.Signer
}

// New returns an installation with new signing keys and a secret, without any API keys.
func New(t testing.TB) *Installation {
	t.Helper()
	set, err := auth.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	i := &Installation{
		Vars:    map[string]string{"MAAS_SIGNING_KEYS": file, "MAAS_SERVICE_KEY": "the secret of a test's installation"},
		Keys:    map[string]auth.Principal{},
		Revoked: map[uuid.UUID]bool{},
	}
	if i.signer, err = auth.OpenSigner(i.Env("test", nil)); err != nil {
		t.Fatal(err)
	}
	return i
}

// Env returns the environment of a function of the installation, with more variables, which take precedence. It does not log.
func (i *Installation) Env(function string, more map[string]string) *env.Env {
	vars := maps.Clone(i.Vars)
	maps.Copy(vars, more)
	return env.New(function, vars, slog.New(slog.DiscardHandler))
}

// Token returns an access token with the claims, signed by the installation. It ends the test on an error.
func (i *Installation) Token(t testing.TB, c auth.Claims) string {
	t.Helper()
	token, err := i.signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Member returns an access token with the role in the tenant acme, of a new session of a new user. It stores neither the user nor the tenant.
func (i *Installation) Member(t testing.TB, role api.Role) string {
	t.Helper()
	return i.Token(t, auth.Claims{
		Subject: uuid.New(), Session: uuid.New(), Tenant: Acme, TenantName: "acme", Roles: []api.Role{role},
	})
}

// Acme is the id of the tenant acme.
var Acme = uuid.MustParse("0190c5f0-0000-7000-8000-000000000001")

// APIKey implements auth.Authenticator. It fails with Unauthenticated for a key that is not in Keys.
func (i *Installation) APIKey(_ context.Context, key auth.APIKey) (auth.Principal, error) {
	if who, ok := i.Keys[key.String()]; ok {
		return who, nil
	}
	return auth.Principal{}, fault.New(fault.Unauthenticated, "The API key is not valid.")
}

// Check implements auth.Authenticator. It fails with Unauthenticated for a session that is in Revoked.
func (i *Installation) Check(_ context.Context, claims auth.Claims) error {
	if i.Revoked[claims.Session] {
		return fault.New(fault.Unauthenticated, "The session has ended.")
	}
	return nil
}
