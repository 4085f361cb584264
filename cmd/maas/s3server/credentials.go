package s3server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/17882237881/MaaS/cmd/maas/wholefile"
)

// Credentials are what clients of the server sign with.
type Credentials struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

// LoadCredentials reads the folder's credentials, and makes them at the first call (credentials.json, mode 0600).
func LoadCredentials(data string) (Credentials, error) {
	path := filepath.Join(data, "credentials.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeCredentials(path)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	var keys Credentials
	if err := json.Unmarshal(text, &keys); err != nil || keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return Credentials{}, fmt.Errorf("object store credentials: %s is damaged; remove it to have new ones made", path)
	}
	return keys, nil
}

func makeCredentials(path string) (Credentials, error) {
	keys := Credentials{AccessKeyID: "maas-" + rand.Text()[:12], SecretAccessKey: rand.Text() + rand.Text()}
	text, err := json.Marshal(keys)
	if err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	if err := wholefile.Write(path, text); err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	return keys, nil
}
