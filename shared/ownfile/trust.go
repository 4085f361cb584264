package ownfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

const writable = 0o022 // by the group or by others

// Trust fails if another user than this one and root could put something else in the place of what the folder holds. The folder has to be this user's, and
// writable by nobody else; the folders above it have to be root's or this user's, and writable by nobody else unless they are sticky, as /tmp is. The
// group that has the user's name alone counts as the user. ssh asks the same of authorized_keys (StrictModes).
//
// The error says what is wrong and what to do about it.
func Trust(folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", resolved)
	}
	if err := own(resolved, info); err != nil {
		return err
	}
	// Who can write to a folder on the way to a link can replace the link.
	return errors.Join(above(resolved), above(folder))
}

// Read returns the content of this user's regular file. It follows no link, and fails if the file is another user's, or others may write to it.
func Read(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // a pipe does not block
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a link: remove it, or put the file itself there: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // opened for reading
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: remove it", path)
	}
	if err := own(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// own fails if what is at path is another user's, or others may write to it.
func own(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil // a system without owners
	}
	if int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (uid %d, not %d), who could change what is there: run as that user, or `chown` it",
			path, stat.Uid, os.Geteuid())
	}
	return closed(path, info, stat)
}

// above fails if others can write to a folder above path.
func above(path string) error {
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if uid := int(stat.Uid); uid != os.Geteuid() && uid != 0 {
			return fmt.Errorf("%s belongs to another user (uid %d), who could replace what is below it: choose a folder elsewhere", path, uid)
		}
		if info.Mode()&fs.ModeSticky != 0 {
			continue
		}
		if err := closed(path, info, stat); err != nil {
			return err
		}
	}
	return nil
}

// closed fails if others may write to what is at path.
func closed(path string, info fs.FileInfo, stat *syscall.Stat_t) error {
	open := info.Mode().Perm() & writable
	if open&0o002 == 0 && private(stat.Gid) {
		open = 0
	}
	if open != 0 {
		return fmt.Errorf("%s may be written to by other users (its mode is %#o): `chmod go-w %s`, or choose a folder elsewhere", path, info.Mode().Perm(), path)
	}
	return nil
}

// private reports whether a group is this user's own: useradd makes one of the user's name for each, and then files are often group-writable (umask 002).
func private(gid uint32) bool {
	if int(gid) != os.Getegid() {
		return false
	}
	me, err := user.Current()
	if err != nil {
		return false
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(gid)))
	return err == nil && group.Name == me.Username
}
