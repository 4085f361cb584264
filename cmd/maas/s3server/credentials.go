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

// LoadCredentials returns the credentials of the folder's owner, who may do everything. The first call creates them (credentials.json, mode
// 0600). It fails if the file is damaged.
func LoadCredentials(data string) (Credentials, error) {
	return load(data, "credentials.json", "maas-")
}

// LoadReader returns the credentials of the folder's reader, who may only read objects of tenants. The first call creates them (reader.json,
// mode 0600). It fails if the file is damaged.
func LoadReader(data string) (Credentials, error) { return load(data, "reader.json", "maas-reader-") }

// load returns the credentials in a file of the folder data. If there is no file it creates one with random credentials, whose id begins with
// prefix. It fails if the file is damaged.
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

// ReadCredentials returns the credentials of all accounts in the folder. Each account is a folder with the files access-key-id and
// secret-access-key, as Secrets are mounted; several may be valid at once while one replaces another. It fails if there are none, or a file is
// empty.
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

// credentials returns the credentials of the owners, one at least, and of the readers: from the folders that cfg names, else from the data
// folder, where they are created if need be.
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
