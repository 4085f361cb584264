package auth_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
)

func FuzzParseAPIKey(f *testing.F) {
	for _, seed := range []string{"", "maas_", "maas_a_b", auth.NewAPIKey().String()} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := auth.ParseAPIKey(s)
		if err == nil && key.String() != s {
			t.Errorf("%q is taken for %q", s, key)
		}
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// FuzzVerify looks for a token that is believed although nobody signed it.
func FuzzVerify(f *testing.F) {
	set, err := auth.NewKeySet()
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(set.Public())
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "keys.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.Fatal(err)
	}
	verifier, err := auth.OpenVerifier(env.New("test", map[string]string{"MAAS_VERIFY_KEYS": path}, slog.New(slog.DiscardHandler)))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFZERTQSIsImtpZCI6IiJ9.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := verifier.Verify(token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
