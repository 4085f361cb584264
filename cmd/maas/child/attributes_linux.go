package child

import "syscall"

// attributes returns own, or new attributes if own is nil, changed so that the child gets the signal spec.Orphan when this process is gone.
// The child has a process group of its own unless spec.Foreground is set.
func attributes(own *syscall.SysProcAttr, spec Spec) *syscall.SysProcAttr {
	if own == nil {
		own = &syscall.SysProcAttr{}
	}
	own.Setpgid = !spec.Foreground
	own.Pdeathsig = spec.Orphan
	return own
}

// lower adds nice to the nice value of the calling thread, up to 19. Children that the thread starts inherit it.
func lower(nice int) error {
	const highest, fromKernel = 19, 20
	now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, min(highest, fromKernel-now+nice)) // getpriority(2): the kernel gives 20 - nice
}
