//go:build cluster

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	functions = "maas"        // where the functions run
	models    = "maas-models" // where the model servers run
	ours      = "maas-e2e"    // what the tests deploy themselves
)

// server is MaaS's address. There is nothing to test without it.
func server() string { return os.Getenv("MAAS_SERVER") }

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	if err := there(); err != nil {
		return 1, err
	}
	defer func() {
		if _, gone := e2etest.TryKubectl(context.Background(), "", "delete", "namespace", ours, "--ignore-not-found", "--wait=false"); gone != nil {
			err = errors.Join(err, gone)
		}
	}()
	return e2etest.Run(m, 8)
}

// there says what is missing.
func there() error {
	if os.Getenv("KUBECONFIG") == "" || server() == "" {
		return errors.New("these tests need a cluster: set KUBECONFIG, and MAAS_SERVER to MaaS's address there, as `tools/cluster variables` prints them")
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		return fmt.Errorf("these tests look into the cluster by kubectl: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := e2etest.TryKubectl(ctx, "", "get", "services.serving.knative.dev", "--namespace", functions); err != nil {
		return fmt.Errorf("KUBECONFIG names no cluster that MaaS runs on: %w", err)
	}
	_, err := e2etest.TryKubectl(ctx, "", "delete", "namespace", ours, "--ignore-not-found") // of a run that was killed
	return err
}
