package functiontest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
)

// Refusal is a request and how it is to be refused. What it leaves empty of the request is as in the good one that it is a variation of.
type Refusal struct {
	Path   string
	Token  string
	Body   string
	Header map[string]string
	Kind   fault.Kind
	Fields []string
}

// AssertRefuses sends variations of a good request, and fails the test unless each is refused as it says. bad has them by a name for the subtest.
func (f *Function) AssertRefuses(t *testing.T, good Request, bad map[string]Refusal) {
	t.Helper()
	for name, refusal := range bad {
		in := good
		if refusal.Path != "" {
			in.Path = refusal.Path
		}
		if refusal.Token != "" {
			in.Token = refusal.Token
		}
		if refusal.Body != "" {
			in.Body = refusal.Body
		}
		in.Header = maps.Clone(good.Header)
		if refusal.Header != nil {
			in.Header = refusal.Header
		}
		answer := f.Do(in)
		t.Run(name, func(t *testing.T) { t.Parallel(); answer.AssertProblem(t, refusal.Kind, refusal.Fields...) })
	}
}

// AssertNeedsCredential sends the request with no, malformed, forged and expired credentials, and fails the test unless each is refused with
// Unauthenticated.
func (f *Function) AssertNeedsCredential(t *testing.T, good Request) {
	t.Helper()
	for name, token := range map[string]string{
		"no token": "", "noise": "a.b.c", "a forged token": f.forged(t), "an expired token": f.expired(t),
		"a key of nobody": auth.NewAPIKey().String(), "half a key": "maas_x",
	} {
		in := good
		in.Token = token
		answer := f.Do(in)
		t.Run(name, func(t *testing.T) { t.Parallel(); answer.AssertProblem(t, fault.Unauthenticated) })
	}
}

// MaxBody returns a JSON object of 2 MiB, which is larger than any route accepts.
func MaxBody() string { return `{"x":"` + strings.Repeat("x", 2<<20) + `"}` }

// expired returns an access token with a valid signature that expired a minute ago.
func (f *Function) expired(t testing.TB) string {
	t.Helper()
	return sign(t, f.key(t), time.Now().Add(-time.Minute))
}

// forged returns an access token that is signed by another key, under the id of the installation's key.
func (f *Function) forged(t testing.TB) string {
	t.Helper()
	set, err := auth.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	set.Keys[0].ID = f.key(t).ID
	return sign(t, set.Keys[0], time.Now().Add(time.Minute))
}

// key returns the installation's current signing key.
func (f *Function) key(t testing.TB) auth.JWK {
	t.Helper()
	text, err := os.ReadFile(f.vars["MAAS_SIGNING_KEYS"])
	if err != nil {
		t.Fatal(err)
	}
	var set auth.KeySet
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0]
}

// sign returns an access token of an owner in the tenant acme, signed by the key, that expires at the time.
func sign(t testing.TB, key auth.JWK, expires time.Time) string {
	t.Helper()
	seed, err := base64.RawURLEncoding.DecodeString(key.D)
	if err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://maas.dev", "aud": "maas", "sub": uuid.NewString(), "sid": uuid.NewString(), "tid": uuid.NewString(), "tenant": "acme",
		"roles": []string{"owner"}, "iat": expires.Add(-auth.TokenLifetime).Unix(), "exp": expires.Unix(),
	})
	token.Header["kid"] = key.ID
	signed, err := token.SignedString(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
