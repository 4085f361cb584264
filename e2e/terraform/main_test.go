//go:build terraform

package terraform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	if os.Getenv("KUBECONFIG") == "" || os.Getenv("KO_DOCKER_REPO") == "" {
		return 1, errors.New("these tests need a cluster without MaaS, and its registry: set KUBECONFIG, as `tools/cluster variables` prints it, and KO_DOCKER_REPO")
	}
	for _, program := range []string{"terraform", "kubectl"} {
		if _, err := exec.LookPath(program); err != nil {
			return 1, err
		}
	}
	return e2etest.Run(m, 1)
}
