package journeys

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// the is the host of all journeys: it is set before the first begins.
var the struct {
	server string
	stays  bool // after the tests, so that they leave nothing running there
}

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	if the.server = os.Getenv("MAAS_SERVER"); the.server != "" {
		the.stays = true
		return e2etest.Run(m, 4)
	}
	folder, err := os.MkdirTemp("", "maas-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	host := e2etest.NewHost(folder)
	if err := host.Start(); err != nil {
		return 1, err
	}
	defer host.Stop()
	the.server = host.URL
	return e2etest.Run(m, 5)
}

// register gives a user of the journeys' host.
func register(t *testing.T) *e2etest.User {
	t.Helper()
	return leaving(e2etest.Register(t, the.server))
}

// leaving has a user leave nothing running on a host that stays, where each version takes a pod and sweep comes by once a minute.
func leaving(u *e2etest.User) *e2etest.User {
	if the.stays {
		u.Patience = 5 * time.Minute
		u.Cleanup(u.Leave)
	}
	return u
}
