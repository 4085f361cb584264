//go:build terraform

package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const root = "../.."

// longest is how long an apply may take on a machine that does other things too.
const longest = 15 * time.Minute

// installation is one of environments/local, with a state of its own.
type installation struct {
	testing.TB

	work   string // a copy of the environment, the state, and what terraform has fetched
	stores string // the volumes
	keys   string
	images string
	more   map[string]any // variables, besides those that each has
}

// newInstallation prepares one: its images, its keys, its providers. What is left of it at the end of the test is destroyed.
func newInstallation(t testing.TB) *installation {
	t.Helper()
	i := &installation{TB: t, work: t.TempDir(), more: map[string]any{}}
	i.stores = filepath.Join(e2etest.Folder(t), "stores")
	i.keys, i.images = filepath.Join(i.work, "keys"), filepath.Join(i.work, "images")
	i.more["postgres_tls"] = certificate(t, i.work, "postgres.maas-stores.svc.cluster.local")
	e2etest.Stranger(t, "").Maas("make-keys", i.keys).OK()
	var lines bytes.Buffer
	for _, program := range []string{"tools/images", "infra/terraform/images/build"} {
		lines.Write(output(t, program))
	}
	e2etest.Must(t, os.WriteFile(i.images, lines.Bytes(), 0o600))
	i.copy("infra/terraform", "knative")
	i.terraform("init", "-input=false")
	t.Cleanup(func() { i.TB = t; i.leave() })
	return i
}

// copy has terraform write nothing into the repository. The copy is not bound to the registry's builds of the providers: a mirror may have others.
func (i *installation) copy(folders ...string) {
	i.Helper()
	for _, folder := range folders {
		e2etest.Must(i, os.CopyFS(filepath.Join(i.work, folder), os.DirFS(filepath.Join(root, folder))))
	}
	e2etest.Must(i, os.RemoveAll(filepath.Join(i.environment(), ".terraform.lock.hcl")))
}

func (i *installation) environment() string {
	return filepath.Join(i.work, "infra", "terraform", "environments", "local")
}

// output returns what a program of the repository prints.
func output(t testing.TB, program string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = root
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, wrong.String())
	}
	return out
}

// run is terraform in the environment's folder. It gives what it said, and its exit status.
func (i *installation) run(arguments ...string) (said string, status int) {
	i.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest) // in a cleanup, too
	defer cancel()
	cmd := exec.CommandContext(ctx, "terraform", append([]string{"-chdir=" + i.environment()}, arguments...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Env = append(os.Environ(), "TF_DATA_DIR="+filepath.Join(i.work, "data"), "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color")
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	e2etest.Must(i, err)
	return string(out), 0
}

func (i *installation) terraform(arguments ...string) (said string) {
	i.Helper()
	said, status := i.run(arguments...)
	if status != 0 {
		i.Fatalf("terraform %v: exit status %d\n%s", arguments, status, end(said))
	}
	return said
}

// with returns the arguments of a command that has a state and variables.
func (i *installation) with(command, state string, more ...string) []string {
	i.Helper()
	variables := map[string]any{
		"kubeconfig": os.Getenv("KUBECONFIG"), "images": i.images, "keys": i.keys,
		"node": map[string]string{"name": node(i), "folder": i.stores},
	}
	maps.Copy(variables, i.more)
	text, err := json.Marshal(variables)
	e2etest.Must(i, err)
	file := filepath.Join(i.work, "variables.tfvars.json")
	e2etest.Must(i, os.WriteFile(file, text, 0o600))
	return append([]string{command, "-input=false", "-var-file=" + file, "-state=" + filepath.Join(i.work, state)}, more...)
}

// node returns the name of the cluster's.
func node(t testing.TB) string {
	t.Helper()
	return e2etest.Kubectl(t, "get", "nodes", "--output=jsonpath={.items[0].metadata.name}")
}

const ownState = "terraform.tfstate"

// apply brings the installation, or the part of it that is named (-target), to what its variables say.
func (i *installation) apply(part ...string) {
	i.Helper()
	began := time.Now()
	i.terraform(i.with("apply", ownState, append(part, "-auto-approve")...)...)
	i.Logf("terraform apply took %s", time.Since(began).Round(time.Second))
}

// destroy takes all away.
func (i *installation) destroy() {
	i.Helper()
	began := time.Now()
	i.terraform(i.with("destroy", ownState, "-auto-approve")...)
	i.Logf("terraform destroy took %s", time.Since(began).Round(time.Second))
}

// leave destroys what a test that failed has left.
func (i *installation) leave() {
	i.Helper()
	if i.Failed() {
		for _, namespace := range []string{"maas-stores", "maas", "maas-models"} {
			i.Log(e2etest.Kubectl(i, "get", "pods,ksvc,job", "--namespace", namespace, "--output=wide"))
		}
	}
	if said, status := i.run(i.with("destroy", ownState, "-auto-approve")...); status != 0 {
		i.Errorf("terraform destroy: exit status %d\n%s", status, end(said))
	}
}

// state returns the state's text.
func (i *installation) state() string {
	i.Helper()
	text, err := os.ReadFile(filepath.Join(i.work, ownState))
	e2etest.Must(i, err)
	return string(text)
}

// address is MaaS's.
func (i *installation) address() string {
	i.Helper()
	var address string
	e2etest.Must(i, json.Unmarshal([]byte(i.terraform("output", "-json", "-state="+filepath.Join(i.work, ownState), "address")), &address))
	return address
}
