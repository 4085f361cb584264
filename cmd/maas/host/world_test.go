package host_test

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/host"
	"github.com/17882237881/MaaS/cmd/maas/stores"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// world is a whole installation in this process, with tenants whose members have credentials already.
type world struct {
	*identitytest.World

	API  *functiontest.Function // all functions, by the public listener
	Host *host.Host

	vars map[string]string
}

// begin starts the installation, which ends with the test. broker may stand between the outbox and the consumers, or be nil.
func begin(t *testing.T, broker func(http.Handler) http.Handler) *world {
	t.Helper()
	w := identitytest.New(t)
	vars := maps.Clone(w.Vars)
	maps.Copy(vars, objectstest.Environment(t))
	vars["MIGRATE_DATABASE_URL"] = w.Postgres.OwnerURL
	vars["MAAS_ONNX_RUNTIME"] = runtimeProgram(t)
	vars["MAAS_SWEEP_INTERVAL"] = "0s" // tests let the minutes pass
	folder, err := stores.Hold(t.TempDir(), "test")
	must(t, err)
	keep(t, folder, w.Vars)
	h, err := host.Start(t.Context(), host.Options{
		Folder: folder, Listen: "127.0.0.1:0", Environment: environment(vars), Log: slog.New(slog.DiscardHandler), Fast: true, Broker: broker,
	})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		h.Stop(ctx)
		must(t, folder.Close())
	})
	return &world{w, functiontest.At(t, h.URL(), w.Vars), h, vars}
}

// keep gives the installation the keys with which the test signs.
func keep(t *testing.T, folder *stores.Folder, vars map[string]string) {
	t.Helper()
	keys, err := folder.Sub("keys")
	must(t, err)
	signing, err := os.ReadFile(vars["MAAS_SIGNING_KEYS"])
	must(t, err)
	must(t, os.WriteFile(filepath.Join(keys, "signing.json"), signing, 0o600))
	must(t, os.WriteFile(filepath.Join(keys, "service.key"), []byte(vars["MAAS_SERVICE_KEY"]), 0o600))
}

// runtimeProgram is maas-onnx, which `make test` builds beforehand.
func runtimeProgram(t *testing.T) string {
	t.Helper()
	programs := os.Getenv("MAAS_PROGRAMS")
	if programs == "" {
		programs = "../../../bin"
	}
	path, err := filepath.Abs(filepath.Join(programs, "maas-onnx"))
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("run `make build` first: %v", err)
	}
	return path
}

func environment(vars map[string]string) []string {
	pairs := make([]string, 0, len(vars))
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
