package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// JWK is an Ed25519 key as RFC 8037, 2 writes it. D is empty in a public key.
type JWK struct {
	KeyType string `json:"kty"`
	Curve   string `json:"crv"`
	ID      string `json:"kid"`
	Use     string `json:"use,omitempty"`
	X       string `json:"x"`
	D       string `json:"d,omitempty"`
}

// KeySet is a JWK set (RFC 7517, 5): the current key first, then the next, which verifies already and signs later.
type KeySet struct {
	Keys []JWK `json:"keys"`
}

// NewKeySet returns a set of two new keys: the current and the next.
func NewKeySet() (KeySet, error) {
	var set KeySet
	for range 2 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return KeySet{}, fmt.Errorf("auth: generate key: %w", err)
		}
		set.Keys = append(set.Keys, JWK{
			KeyType: "OKP", Curve: "Ed25519", Use: "sig", ID: rand.Text()[:16],
			X: base64.RawURLEncoding.EncodeToString(public), D: base64.RawURLEncoding.EncodeToString(private.Seed()),
		})
	}
	return set, nil
}

// Public returns a copy of the set without its private parts.
func (s KeySet) Public() KeySet {
	public := KeySet{Keys: make([]JWK, len(s.Keys))}
	for i, key := range s.Keys {
		key.D = ""
		public.Keys[i] = key
	}
	return public
}

// public returns the public key. It fails if k is no Ed25519 key.
func (k JWK) public() (ed25519.PublicKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil || k.KeyType != "OKP" || k.Curve != "Ed25519" || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("auth: key %q is no Ed25519 key (RFC 8037)", k.ID)
	}
	return raw, nil
}

// private returns the private key. It fails if k has no private part, or one of another length than Ed25519's; it does not look at k's type.
func (k JWK) private() (ed25519.PrivateKey, error) {
	seed, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("auth: key %q has no private part", k.ID)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// keyFile is a JWK set in a file that may be replaced under a running process.
type keyFile struct {
	path string

	mu      sync.Mutex
	set     KeySet
	seen    os.FileInfo // of the file that the set was read from
	checked time.Time
}

// recheck bounds how often the file's time is looked at.
const recheck = time.Second

// load returns the set in the file, at most a second old. If the file cannot be read it returns the set that it read last, and fails only if there
// is none.
func (f *keyFile) load() (KeySet, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) < recheck {
		return f.set, nil
	}
	set, seen, err := readKeySet(f.path, f.seen)
	if err != nil && f.set.Keys == nil {
		return KeySet{}, err
	}
	f.checked = time.Now()
	if err == nil && set.Keys != nil {
		f.set, f.seen = set, seen
	}
	return f.set, nil
}

// readKeySet reads the set in the file, and returns it with the file's information. If that is the same as seen, it returns a set without keys and
// no error. It fails if the file cannot be read, or is no set of one key or more.
func readKeySet(path string, seen os.FileInfo) (KeySet, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return KeySet{}, seen, fmt.Errorf("auth: key set: %w", err)
	}
	if seen != nil && os.SameFile(info, seen) && info.ModTime().Equal(seen.ModTime()) {
		return KeySet{}, seen, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return KeySet{}, seen, fmt.Errorf("auth: key set: %w", err)
	}
	var set KeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return KeySet{}, seen, fmt.Errorf("auth: key set %s is no JWK set: %w", path, err)
	}
	if len(set.Keys) == 0 {
		return KeySet{}, seen, fmt.Errorf("auth: key set %s has no keys", path)
	}
	return set, info, nil
}
