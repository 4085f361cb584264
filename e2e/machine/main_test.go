package machine

import (
	"fmt"
	"os"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

func TestMain(m *testing.M) {
	status, err := e2etest.Run(m, 5)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}
