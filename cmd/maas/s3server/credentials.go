package s3server

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
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
	if err := os.MkdirAll(data, 0o700); err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	path := filepath.Join(data, "credentials.json")
	text, err := wholefile.ReadOrMake(path, func() ([]byte, error) {
		return json.Marshal(Credentials{AccessKeyID: "maas-" + rand.Text()[:12], SecretAccessKey: rand.Text() + rand.Text()})
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	var keys Credentials
	if err := json.Unmarshal(text, &keys); err != nil || keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return Credentials{}, fmt.Errorf("object store credentials: %s is damaged; remove it to have new ones made", path)
	}
	return keys, nil
}
