package s3server

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/17882237881/MaaS/shared/ownfile"
)

// Credentials are what clients of the server sign with.
type Credentials struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

// LoadCredentials reads the credentials of the folder's owner, who may do everything, and makes them at the first call (credentials.json, mode 0600).
func LoadCredentials(data string) (Credentials, error) {
	return load(data, "credentials.json", "maas-")
}

// LoadReader reads the credentials of the folder's reader, who may only read objects of tenants, and makes them at the first call (reader.json,
// mode 0600).
func LoadReader(data string) (Credentials, error) { return load(data, "reader.json", "maas-reader-") }

func load(data, file, prefix string) (Credentials, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return Credentials{}, fmt.Errorf("object store credentials: %w", err)
	}
	path := filepath.Join(data, file)
	text, err := ownfile.ReadOrCreate(path, func() ([]byte, error) {
		return json.Marshal(Credentials{AccessKeyID: prefix + rand.Text()[:12], SecretAccessKey: rand.Text() + rand.Text()})
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

// ReadCredentials reads a folder that has a folder for each account, with the files access-key-id and secret-access-key in it, as Secrets
// are mounted. All are good alike, so that one can follow another without a moment at which a client's is not.
func ReadCredentials(folder string) ([]Credentials, error) {
	accounts, err := filepath.Glob(filepath.Join(folder, "*", "access-key-id"))
	if err != nil {
		return nil, fmt.Errorf("object store credentials: %w", err)
	}
	all := make([]Credentials, 0, len(accounts))
	for _, path := range accounts {
		id, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("object store credentials: %w", err)
		}
		secret, err := os.ReadFile(filepath.Join(filepath.Dir(path), "secret-access-key"))
		if err != nil {
			return nil, fmt.Errorf("object store credentials: %w", err)
		}
		one := Credentials{AccessKeyID: strings.TrimSpace(string(id)), SecretAccessKey: strings.TrimSpace(string(secret))}
		if one.AccessKeyID == "" || one.SecretAccessKey == "" {
			return nil, fmt.Errorf("object store credentials: a file of %s is empty", filepath.Dir(path))
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("object store credentials: there is no ACCOUNT/access-key-id in %s", folder)
	}
	return all, nil
}

// credentials returns those of owners, one at least, and of readers.
func (cfg Config) credentials() (owners, readers []Credentials, err error) {
	if cfg.Credentials == "" {
		owner, err := LoadCredentials(cfg.Data)
		if err != nil {
			return nil, nil, err
		}
		reader, err := LoadReader(cfg.Data)
		return []Credentials{owner}, []Credentials{reader}, err
	}
	if owners, err = ReadCredentials(cfg.Credentials); err != nil || cfg.Readers == "" {
		return owners, nil, err
	}
	readers, err = ReadCredentials(cfg.Readers)
	return owners, readers, err
}
