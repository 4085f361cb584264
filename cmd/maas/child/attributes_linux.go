package child

import "syscall"

// attributes adds to the command's own what ties the child to this process.
func attributes(own *syscall.SysProcAttr, spec Spec) *syscall.SysProcAttr {
	if own == nil {
		own = &syscall.SysProcAttr{}
	}
	own.Setpgid = !spec.Foreground
	own.Pdeathsig = spec.Orphan
	return own
}
