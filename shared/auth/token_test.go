package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
)

func keys(t *testing.T) (*auth.Signer, *auth.Verifier) {
	t.Helper()
	set, err := auth.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	vars := map[string]string{}
	for name, s := range map[string]auth.KeySet{"MAAS_SIGNING_KEYS": set, "MAAS_VERIFY_KEYS": set.Public()} {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		vars[name] = filepath.Join(dir, name)
		if err := os.WriteFile(vars[name], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := env.New("test", vars, slog.Default())
	signer, err := auth.OpenSigner(e)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.OpenVerifier(e)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func TestATokenSaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	signer, verifier := keys(t)
	want := auth.Claims{Subject: uuid.New(), Session: uuid.New(), Tenant: uuid.New(), TenantName: "acme", Roles: []api.Role{api.Developer}}
	token, err := signer.Sign(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := verifier.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != want.Subject || got.Session != want.Session || got.Tenant != want.Tenant || got.TenantName != want.TenantName ||
		len(got.Roles) != 1 || got.Roles[0] != api.Developer || got.ExpiresAt.Sub(got.IssuedAt) != auth.TokenLifetime {
		t.Errorf("claims are %+v, want %+v", got, want)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	signer, verifier := keys(t)
	other, _ := keys(t)
	claims := auth.Claims{Subject: uuid.New(), Session: uuid.New(), Tenant: uuid.New(), TenantName: "acme"}
	good, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for name, token := range map[string]string{
		"empty": "", "noise": "a.b.c", "another's key": foreign, "alg none": none + "." + parts[1] + ".",
		"no signature": parts[0] + "." + parts[1] + ".", "changed claims": parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2],
	} {
		_, err := verifier.Verify(token)
		t.Run(name, func(t *testing.T) { t.Parallel(); faulttest.AssertKind(t, err, fault.Unauthenticated) })
	}
}

func TestPublicKeysHoldNoPrivatePart(t *testing.T) {
	t.Parallel()
	signer, _ := keys(t)
	set, err := signer.PublicKeys()
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[0].D != "" || set.Keys[1].D != "" {
		t.Errorf("public keys are %+v", set)
	}
}

func TestAPIKeysRoundTrip(t *testing.T) {
	t.Parallel()
	key := auth.NewAPIKey()
	got, err := auth.ParseAPIKey(key.String())
	if err != nil || got != key {
		t.Errorf("ParseAPIKey gives %v, %v; want %v", got, err, key)
	}
	for _, bad := range []string{"", "maas_", "maas_x_y", key.String() + "x", strings.TrimPrefix(key.String(), "maas_")} {
		_, err := auth.ParseAPIKey(bad)
		faulttest.AssertKind(t, err, fault.Unauthenticated)
	}
}
