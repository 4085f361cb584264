package auth_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/mounttest"
)

func TestKeysRotateUnderARunningProcess(t *testing.T) {
	t.Parallel()
	first, err := auth.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	mounted := func(set auth.KeySet) map[string]string {
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"signing.json": string(text)}
	}
	mount := mounttest.New(t, mounted(first))
	e := env.New("test", map[string]string{"MAAS_SIGNING_KEYS": mount.Path("signing.json")}, slog.New(slog.DiscardHandler))
	signer, err := auth.OpenSigner(e)
	if err != nil {
		t.Fatal(err)
	}
	old, err := signer.Sign(auth.Claims{Subject: uuid.New(), TenantName: "acme"})
	if err != nil {
		t.Fatal(err)
	}

	second, err := auth.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	mount.Replace(mounted(auth.KeySet{Keys: []auth.JWK{first.Keys[1], second.Keys[0]}}))
	await(t, func() bool {
		public, err := signer.PublicKeys()
		return err == nil && public.Keys[0].ID == first.Keys[1].ID
	})

	verifier, err := auth.OpenVerifier(e)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := signer.Sign(auth.Claims{Subject: uuid.New(), TenantName: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(fresh); err != nil {
		t.Errorf("a token of the next key is refused: %v", err)
	}
	_, err = verifier.Verify(old)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("it did not come about")
		}
	}
}
