package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/17882237881/MaaS/api/fault"
)

const (
	// spared is how much of a disk stays free, in bytes, when a stream is kept on it: others write there too.
	spared = 256 << 20
	// gulp is how much of a stream is read between two looks at the disk.
	gulp = 8 << 20
)

// Spool is a stream that was kept: the size of a file must be known before its upload begins, and it is read twice.
type Spool struct{ file file }

// Keep reads a stream to its end into a temporary file without a name, which is gone when it is closed or the process ends. It fails with
// Invalid for an empty stream or one that cannot be read, with QuotaExceeded for one that does not leave 256 MiB free on the disk of
// os.TempDir, and with ctx's error if ctx ends first.
func Keep(ctx context.Context, from io.Reader) (*Spool, error) {
	return keep(ctx, from, free)
}

// keep does the work of Keep. free returns the bytes that the disk of a file has left.
func keep(ctx context.Context, from io.Reader, free func(*os.File) (int64, error)) (*Spool, error) {
	f, err := os.CreateTemp("", "maas-push-*")
	if err != nil {
		return nil, fault.New(fault.Invalid, "Stdin cannot be kept in a temporary file: "+err.Error(), fault.Field("FILE"), fault.Cause(err))
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- spool(f, from, free) }() // ends with the stream, or with the process: a read of a terminal cannot be broken off
	select {
	case err = <-ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.Size() == 0:
		err = invalid("stdin is empty: a file has 1 byte or more.")
	default:
		return &Spool{file{File: f, size: info.Size(), was: info, looked: new(atomic.Int64)}}, nil
	}
	return nil, errors.Join(err, f.Close())
}

// Close closes the spooled file. It was unlinked when it was made, so its content is gone.
func (s *Spool) Close() error { return s.file.Close() }

// spool copies from to its end into to. It fails with QuotaExceeded when less than spared bytes would stay free on the disk, and with Invalid
// if it cannot read or write.
func spool(to *os.File, from io.Reader, free func(*os.File) (int64, error)) error {
	for kept := int64(0); ; {
		room, err := free(to)
		if err == nil && room < spared+gulp {
			return noRoom(kept)
		}
		n, err := io.CopyN(to, from, gulp)
		kept += n
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
			return noRoom(kept)
		case err != nil:
			return fault.New(fault.Invalid, "Stdin cannot be kept in a temporary file: "+err.Error(), fault.Field("FILE"), fault.Cause(err))
		}
	}
}

// noRoom returns the QuotaExceeded error for a stream of which kept bytes have been written.
func noRoom(kept int64) error {
	return fault.New(fault.QuotaExceeded, fmt.Sprintf(
		"After %d bytes of stdin the disk of %s has no more room: push a file instead, or set TMPDIR to a folder on a larger disk.", kept, os.TempDir()),
		fault.Field("FILE"))
}

// free returns how many bytes the disk of a file has left for this user.
func free(f *os.File) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &disk); err != nil {
		return 0, err
	}
	return int64(disk.Bavail) * int64(disk.Bsize), nil //nolint:gosec,unconvert // no disk has 2^63 bytes; the types differ by system
}
