package host

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/17882237881/MaaS/shared/auth"
)

// keys are the paths of an installation's secrets.
type keys struct {
	signing string // JWK set with private parts
	verify  string // the same without
	service string // MAAS_SERVICE_KEY
}

// openKeys gives the keys in the folder, making those that are missing (mode 0600).
func openKeys(folder string) (keys, error) {
	k := keys{
		signing: filepath.Join(folder, "signing.json"), verify: filepath.Join(folder, "verify.json"), service: filepath.Join(folder, "service.key"),
	}
	if err := ensure(k.service, func() ([]byte, error) { return []byte(rand.Text() + rand.Text()), nil }); err != nil {
		return keys{}, err
	}
	if err := ensure(k.signing, makeSigning); err != nil {
		return keys{}, err
	}
	public, err := publicPart(k.signing)
	if err != nil {
		return keys{}, err
	}
	return k, writeWhole(k.verify, public)
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
	return writeWhole(path, text)
}

// writeWhole writes a file whole or not at all, whatever ends the process meanwhile.
func writeWhole(path string, text []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = draft.Write(text)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(draft.Name()))
	}
	return nil
}
