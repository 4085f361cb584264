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

// lower makes the calling thread nicer, and with it the children that it starts.
func lower(nice int) error {
	const highest, fromKernel = 19, 20
	now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, min(highest, fromKernel-now+nice)) // getpriority(2): the kernel gives 20 - nice
}
