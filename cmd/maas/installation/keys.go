// Package installation is what an installation on one machine keeps for itself: its secrets, its schema, and what the operator's commands
// find it by.
package installation

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/17882237881/MaaS/cmd/maas/wholefile"
	"github.com/17882237881/MaaS/shared/auth"
)

// Keys are the paths of an installation's secrets.
type Keys struct {
	Signing string // JWK set with private parts
	Verify  string // the same without
	Service string // MAAS_SERVICE_KEY
}

// OpenKeys gives the keys in the folder, making those that are missing (mode 0600).
func OpenKeys(folder string) (Keys, error) {
	k := Keys{
		Signing: filepath.Join(folder, "signing.json"), Verify: filepath.Join(folder, "verify.json"), Service: filepath.Join(folder, "service.key"),
	}
	if err := ensure(k.Service, func() ([]byte, error) { return []byte(rand.Text() + rand.Text()), nil }); err != nil {
		return Keys{}, err
	}
	if err := ensure(k.Signing, makeSigning); err != nil {
		return Keys{}, err
	}
	public, err := publicPart(k.Signing)
	if err != nil {
		return Keys{}, err
	}
	return k, wholefile.Write(k.Verify, public)
}

func makeSigning() ([]byte, error) {
	set, err := auth.NewKeySet()
	if err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

func publicPart(signing string) ([]byte, error) {
	text, err := os.ReadFile(signing)
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	var set auth.KeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("signing keys %s: %w", signing, err)
	}
	return json.Marshal(set.Public())
}

// ensure makes a file unless it is there.
func ensure(path string, content func() ([]byte, error)) error {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := content()
	if err != nil {
		return err
	}
	return wholefile.Write(path, text)
}
