// Package ownfile opens, creates and locks files that belong to this program alone, also in folders that other users can write to. It never
// writes through a link, a pipe or a second name of another file that another user has put where such a file should be.
package ownfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Open opens the regular file of the name for reading and writing, and makes it with mode perm if need be. Whatever else has the name is
// removed first: a link, or a file that has another name too. It fails for a directory that is not empty.
func Open(root *os.Root, name string, perm fs.FileMode) (*os.File, error) {
	const attempts = 10 // others may make and remove the name meanwhile
	for range attempts {
		file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
		file, err = openExisting(root, name)
		if file != nil || err != nil {
			return file, err
		}
	}
	return nil, fmt.Errorf("open %s: other processes make and remove it all the time", name)
}

// openExisting returns nil if there is nothing of the name, or no longer.
func openExisting(root *os.Root, name string) (*os.File, error) {
	there, err := root.Lstat(name)
	if err != nil {
		return nil, absent(err)
	}
	if !Alone(there) {
		return nil, absent(root.Remove(name))
	}
	file, err := root.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0) // a pipe that takes its place does not block
	if err != nil {
		return nil, absent(err)
	}
	opened, err := file.Stat()
	if err == nil && os.SameFile(there, opened) && Alone(opened) {
		return file, nil
	}
	return nil, errors.Join(err, file.Close())
}

// absent returns nil for an error that says that the file does not exist, and any other error as it is.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Alone reports whether info is of a regular file that has one name.
func Alone(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Nlink <= 1
}

// Named reports whether an open file still has the name, and no other.
func Named(root *os.Root, file *os.File, name string) (bool, error) {
	named, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(named, opened) && Alone(opened), err
}

// Lock locks an open file or directory, until it is closed or the process ends. held is false if another open file has
// the lock.
func Lock(file *os.File) (held bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
