package installation

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// Keys are the paths of an installation's secrets.
type Keys struct {
	Signing string // JWK set with private parts
	Verify  string // the same without
	Service string // MAAS_SERVICE_KEY
}

// OpenKeys returns the paths of the keys in the folder, and creates those that are missing (mode 0600). It derives the verify keys from the
// signing keys and writes them anew each time.
func OpenKeys(folder string) (Keys, error) {
	k := Keys{
		Signing: filepath.Join(folder, "signing.json"), Verify: filepath.Join(folder, "verify.json"), Service: filepath.Join(folder, "service.key"),
	}
	service := func() ([]byte, error) { return []byte(rand.Text() + rand.Text()), nil }
	if _, err := ownfile.ReadOrCreate(k.Service, service); err != nil {
		return Keys{}, fmt.Errorf("service key: %w", err)
	}
	signing, err := ownfile.ReadOrCreate(k.Signing, makeSigning)
	if err != nil {
		return Keys{}, fmt.Errorf("signing keys: %w", err)
	}
	public, err := publicPart(signing)
	if err != nil {
		return Keys{}, fmt.Errorf("signing keys %s: %w", k.Signing, err)
	}
	return k, ownfile.Write(k.Verify, public)
}

// makeSigning returns a new set of signing keys as JSON.
func makeSigning() ([]byte, error) {
	set, err := auth.NewKeySet()
	if err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// publicPart returns a set of signing keys in JSON without the private parts.
func publicPart(signing []byte) ([]byte, error) {
	var set auth.KeySet
	if err := json.Unmarshal(signing, &set); err != nil {
		return nil, err
	}
	return json.Marshal(set.Public())
}
