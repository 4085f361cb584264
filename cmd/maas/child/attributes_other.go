//go:build !linux

package child

import "syscall"

// attributes puts the child into a process group of its own. Only Linux can end a child with its parent: elsewhere one outlives a SIGKILL of this
// process until the next start finds it.
func attributes(own *syscall.SysProcAttr, spec Spec) *syscall.SysProcAttr {
	if own == nil {
		own = &syscall.SysProcAttr{}
	}
	own.Setpgid = !spec.Foreground
	return own
}

// lower does nothing: only Linux gives one thread a priority.
func lower(int) error { return nil }
