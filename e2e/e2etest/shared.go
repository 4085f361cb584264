package e2etest

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// SharedHost is the host that all tests of a package use: the one that MAAS_SERVER names, else a `maas up` that is started for them.
type SharedHost struct {
	Server string // its URL
	Stays  bool   // whether it goes on after the tests, which must leave nothing running there

	host *Host // nil if it stays
}

// Main runs a package's tests on the shared host, up to atOnce at a time, and exits with their status.
func (s *SharedHost) Main(m *testing.M, atOnce int) {
	status, err := s.run(m, atOnce)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// run is Main without the exit. It starts a host unless MAAS_SERVER names one.
func (s *SharedHost) run(m *testing.M, atOnce int) (status int, err error) {
	if s.Server = os.Getenv("MAAS_SERVER"); s.Server != "" {
		s.Stays = true
		return Run(m, min(atOnce, 4))
	}
	folder, err := os.MkdirTemp("", "maas-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	s.host = NewHost(folder)
	if err := s.host.Start(); err != nil {
		return 1, err
	}
	defer s.host.Stop()
	s.Server = s.host.URL
	return Run(m, atOnce)
}

// Data returns the data folder of the host. It ends the test if MAAS_SERVER named the host.
func (s *SharedHost) Data(t testing.TB) string {
	t.Helper()
	if s.host == nil {
		t.Fatal("the host at MAAS_SERVER has its data elsewhere")
	}
	return s.host.Data
}

// Register registers a new user at the host. On a host that stays, the user's models are deleted when the test ends, since each version takes a pod
// there.
func (s *SharedHost) Register(t testing.TB) *User {
	t.Helper()
	return s.Leaving(Register(t, s.Server))
}

// Leaving returns the user. On a host that stays, the user's models are deleted when the test ends, and commands may take longer.
func (s *SharedHost) Leaving(u *User) *User {
	if s.Stays {
		u.Patience = 5 * time.Minute
		u.Cleanup(u.Leave)
	}
	return u
}
