package localruntime

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/objects"
)

func TestFilesStayAsLongAsAVersionThatMayRunHasThem(t *testing.T) {
	t.Parallel()
	folder, tenant := t.TempDir(), uuid.New()
	kept, gone := ref.SumOf([]byte("kept")), ref.SumOf([]byte("gone"))
	for _, digest := range []ref.Digest{kept, gone} {
		if err := os.MkdirAll(filepath.Join(folder, digest.String(), "weights"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	uri := "maas://maas/" + string(objects.ManifestKey(tenant, kept))
	s := &Supervisor{folder: folder, log: slog.New(slog.DiscardHandler), specs: map[uuid.UUID]deployment.Spec{uuid.New(): {Manifest: uri}}}
	names := func() string {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, entry := range entries {
			all = append(all, entry.Name())
		}
		return strings.Join(all, " ")
	}

	s.disk.RLock()
	s.tidy()
	if !strings.Contains(names(), gone.String()) {
		t.Error("files were removed while others were fetched")
	}
	s.disk.RUnlock()
	s.tidy()

	if got := names(); got != kept.String() {
		t.Errorf("the folder has %q, want %s alone", got, kept)
	}
}
