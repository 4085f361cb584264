//go:build terraform

package terraform

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// restored loses all but the backup: a dump of the database, a copy of the store's files, and the keys. docs/operations.md tells the times.
func restored(t *testing.T, i *installation, u *e2etest.User) {
	files, objects := filepath.Join(t.TempDir(), "object-storage"), filepath.Join(i.stores, "object-storage")
	began := time.Now()
	dump := inPostgres(t, "", "pg_dump", "--format=custom", "maas")
	command(t, "cp", "-a", objects, files)
	t.Logf("the backup took %s", time.Since(began).Round(100*time.Millisecond))

	i.destroy()
	began = time.Now()
	i.apply("-target=module.binding") // deploy-version looks what should run when it begins, so functions come last
	inPostgres(t, "", "psql", "--dbname=postgres", "--command=drop database maas with (force)", "--command=create database maas")
	inPostgres(t, dump, "pg_restore", "--exit-on-error", "--dbname=maas")
	scale(t, "0")
	command(t, "rm", "-rf", objects)
	command(t, "cp", "-a", files, objects)
	scale(t, "1")
	i.apply()
	t.Logf("the installation was back %s after it was begun to be made", time.Since(began).Round(time.Second))

	e2etest.Eventually(t, "the model answers", 10*time.Minute, func() bool {
		return u.Maas("infer", u.Of("digits"), "-f", e2etest.Data("digits-request.json")).Status == 0
	})
	t.Logf("the model answered %s after that beginning", time.Since(began).Round(time.Second))
	u.Infers(u.Of("digits"), "digits")
	nothingToDo(t, i, u)
}

// inPostgres runs a program of the server's, as the database's owner in its own pod, with something on its stdin.
func inPostgres(t testing.TB, stdin, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := e2etest.TryKubectl(ctx, stdin, append([]string{
		"exec", "--stdin", "--namespace=maas-stores", "postgres-0", "--container=postgres", "--",
		"sh", "-c", `program=$0; exec /usr/lib/postgresql/*/bin/$program -h /run/postgresql -U maas_owner "$@"`, program,
	}, arguments...)...)
	e2etest.Must(t, err)
	return out
}

// scale ends the store's server, or starts it.
func scale(t testing.TB, replicas string) {
	t.Helper()
	const store = "statefulset/object-storage"
	e2etest.Kubectl(t, "scale", store, "--namespace=maas-stores", "--replicas="+replicas)
	e2etest.Kubectl(t, "rollout", "status", store, "--namespace=maas-stores")
	if replicas == "0" {
		e2etest.Kubectl(t, "wait", "pod/object-storage-0", "--namespace=maas-stores", "--for=delete", "--timeout=55s")
	}
}

func command(t testing.TB, program string, arguments ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
}
