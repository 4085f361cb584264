//go:build !linux

package confine

import (
	"errors"
	"os/exec"

	"github.com/17882237881/MaaS/shared/allowance"
)

// delegated fails: only Linux has cgroups.
func delegated(string) (string, error) { return "", errors.New("cgroups are Linux's") }

// memoryLimit returns 0, for no known limit: only Linux has cgroups.
func memoryLimit(string) int64 { return 0 }

// group is never made.
type group struct{}

// newGroup fails with errors.ErrUnsupported.
func newGroup(string, string, allowance.Allowance) (*group, error) { return nil, errors.ErrUnsupported }

func (*group) enter(*exec.Cmd) {}
func (*group) killed() bool    { return false }
func (*group) remove() error   { return nil }
