//go:build !linux

package stores

import "syscall"

// attributes returns the attributes that make a command run as the account, which must be able to reach its data.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.other {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
}
