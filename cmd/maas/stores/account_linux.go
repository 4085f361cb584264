package stores

import "syscall"

// attributes returns the attributes that make a command run as the account. CAP_DAC_OVERRIDE lets it pass through root's own folders on the
// way to its data.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.other {
		return &syscall.SysProcAttr{}
	}
	const dacOverride = 1 // CAP_DAC_OVERRIDE, capabilities(7)
	return &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: a.uid, Gid: a.gid},
		AmbientCaps: []uintptr{dacOverride},
	}
}
