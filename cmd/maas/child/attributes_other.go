//go:build !linux

package child

import "syscall"

// attributes returns own, or new attributes if own is nil, changed so that the child has a process group of its own unless spec.Foreground is
// set. Only Linux can end a child with its parent: elsewhere a child outlives a SIGKILL of this process until the next start finds it.
func attributes(own *syscall.SysProcAttr, spec Spec) *syscall.SysProcAttr {
	if own == nil {
		own = &syscall.SysProcAttr{}
	}
	own.Setpgid = !spec.Foreground
	return own
}

// lower does nothing: only Linux gives one thread a priority.
func lower(int) error { return nil }
