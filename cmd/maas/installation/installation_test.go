package installation_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/cmd/maas/installation"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestKeysStayWhatTheyAreAndAreNobodyElses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, err := installation.OpenKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	signing, service := read(t, first.Signing), read(t, first.Service)
	again, err := installation.OpenKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, again.Signing) != signing || read(t, again.Service) != service || len(service) < 32 {
		t.Error("the keys are others after the second start, or too short")
	}
	for _, path := range []string{first.Signing, first.Verify, first.Service} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", filepath.Base(path), info.Mode(), err)
		}
	}
}

func TestThePublicPartFollowsTheSigningKeys(t *testing.T) {
	t.Parallel()
	keys, err := installation.OpenKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var public auth.KeySet
	if err := json.Unmarshal([]byte(read(t, keys.Verify)), &public); err != nil {
		t.Fatal(err)
	}
	if len(public.Keys) != 2 || public.Keys[0].D != "" || public.Keys[0].X == "" {
		t.Errorf("the public part is %+v", public)
	}
}

func TestAMalformedDatabaseURLIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://ana:se%zzcret@localhost/maas", "postgres://ana:secret@local host/maas", "host=x password='secret port=1"} {
		err := installation.Migrate(t.Context(), slog.New(slog.DiscardHandler), map[string]string{"DATABASE_URL": url, "MIGRATE_DATABASE_URL": "postgres://localhost/maas"})
		if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || strings.Contains(err.Error(), "cret") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestMigrateReadsMountedFiles(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	vars := map[string]string{"DATABASE_URL_FILE": file(t, db.URL), "MIGRATE_DATABASE_URL_FILE": file(t, db.OwnerURL)}
	if err := installation.Migrate(t.Context(), slog.New(slog.DiscardHandler), vars); err != nil {
		t.Error(err)
	}
	vars["MIGRATE_DATABASE_URL_FILE"] = file(t, "postgres://localhost:1/elsewhere?connect_timeout=1")
	if err := installation.Migrate(t.Context(), slog.New(slog.DiscardHandler), vars); err == nil {
		t.Error("the file with the owner's address was not read")
	}
}

func TestMigrateRefusesAFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DATABASE_URL_FILE", "MIGRATE_DATABASE_URL_FILE"} {
		vars := map[string]string{"DATABASE_URL": "postgres://localhost/maas", "MIGRATE_DATABASE_URL": "postgres://localhost/maas"}
		delete(vars, strings.TrimSuffix(name, "_FILE"))
		vars[name] = filepath.Join(t.TempDir(), "none")
		if err := installation.Migrate(t.Context(), slog.New(slog.DiscardHandler), vars); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want one that names %s", err, name)
		}
	}
}

// file returns the path of a file, ended by a line break as people write one.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
