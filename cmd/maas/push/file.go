package push

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// file is a file that is pushed. It is read twice, chunk by chunk, and the bytes of one moment are wanted: a file that changes meanwhile is
// an error.
type file struct {
	*os.File

	size  int64
	named bool        // it is found under its name; what was spooled has none
	was   os.FileInfo // when it was opened

	looked *atomic.Int64 // when it was checked for changes last, in nanoseconds since 1970
}

// checkFile fails with Invalid for what cannot be pushed: anything but a regular file of one byte or more that can be read. It says what it is.
func checkFile(name string) error {
	f, err := openFile(name)
	if err != nil {
		return err
	}
	return f.Close()
}

// openFile opens a file that can be pushed. It fails with Invalid, which says why not, for any other.
func openFile(name string) (file, error) {
	return openWith(name, func() (os.FileInfo, error) { return os.Stat(name) }, func() (*os.File, error) { return os.Open(name) })
}

// openWith is openFile for a file that stat and open find.
func openWith(name string, stat func() (os.FileInfo, error), open func() (*os.File, error)) (file, error) {
	info, err := stat() // before it is opened: a pipe would block, and a device may do something
	if err != nil {
		return file{}, unreadable(name, err)
	}
	if err := pushable(name, info); err != nil {
		return file{}, err
	}
	f, err := open()
	if err != nil {
		return file{}, unreadable(name, err)
	}
	if info, err = f.Stat(); err != nil {
		return file{}, errors.Join(unreadable(name, err), f.Close())
	}
	if err := pushable(name, info); err != nil {
		return file{}, errors.Join(err, f.Close())
	}
	return file{File: f, size: info.Size(), named: true, was: info, looked: new(atomic.Int64)}, nil
}

// pushable fails with Invalid for anything but a regular file of one byte or more, and says what it is.
func pushable(name string, info os.FileInfo) error {
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return invalid(name + " is a folder.")
	case mode&fs.ModeNamedPipe != 0:
		return invalid(name + " is a pipe, which can be read only once: write it to a file first, or push - to read stdin.")
	case mode&fs.ModeSocket != 0:
		return invalid(name + " is a socket, not a regular file.")
	case mode&fs.ModeDevice != 0:
		return invalid(name + " is a device, not a regular file.")
	case !mode.IsRegular():
		return invalid(name + " is not a regular file.")
	case info.Size() == 0:
		return invalid(name + " is empty: a file has 1 byte or more.")
	default:
		return nil
	}
}

func invalid(sentence string) error { return fault.New(fault.Invalid, sentence, fault.Field("FILE")) }

// unreadable returns an Invalid error that says why the file cannot be read.
func unreadable(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Invalid, "There is no file "+name+".", fault.Field("FILE"), fault.Cause(err))
	}
	why := err
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		why = inner.Err
	}
	return fault.New(fault.Invalid, fmt.Sprintf("%s cannot be read: %s.", name, why), fault.Field("FILE"), fault.Cause(err))
}

// changed fails with Unprocessable, and says how, if the file has changed since it was opened: its size or time, or what is found under its
// name. It fails with Invalid if that cannot be read.
func (f file) changed() error {
	now, err := f.Stat()
	switch {
	case err != nil:
		return unreadable(f.Name(), err)
	case now.Size() < f.size:
		return f.faultOf(fmt.Sprintf("got shorter while it was pushed: it had %d bytes and now has %d", f.size, now.Size()))
	case now.Size() > f.size:
		return f.faultOf(fmt.Sprintf("got longer while it was pushed: it had %d bytes and now has %d", f.size, now.Size()))
	case !now.ModTime().Equal(f.was.ModTime()):
		return f.faultOf("was written to while it was pushed")
	case !f.named:
		return nil
	}
	now, err = os.Stat(f.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.faultOf("was removed while it was pushed")
	case err != nil:
		return unreadable(f.Name(), err)
	case !os.SameFile(f.was, now):
		return f.faultOf("was replaced by another file while it was pushed")
	default:
		return nil
	}
}

// Name returns the file's name for messages: "stdin" for a stream that was kept.
func (f file) Name() string {
	if !f.named {
		return "stdin"
	}
	return f.File.Name()
}

// faultOf returns an Unprocessable error that says what has become of the file.
func (f file) faultOf(what string) error {
	return fault.New(fault.Unprocessable, fmt.Sprintf("%s %s. Push it when it no longer changes.", f.Name(), what), fault.Field("FILE"))
}

// digest reads the whole file and returns its SHA-256.
func (f file) digest() (ref.Digest, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, f.size)); err != nil {
		return ref.Digest{}, err
	}
	return ref.DigestOf(sum.Sum(nil)), nil
}

// lookedAt is how often reads check whether the file has changed.
const lookedAt = time.Second

// ReadAt implements io.ReaderAt. It looks once a second whether the file has changed, and also at an early end; it then fails as changed does.
func (f file) ReadAt(p []byte, at int64) (int, error) {
	nowNano := time.Now().UnixNano()
	if looked := f.looked.Load(); nowNano-looked > int64(lookedAt) && f.looked.CompareAndSwap(looked, nowNano) {
		if err := f.changed(); err != nil {
			return 0, err
		}
	}
	n, err := f.File.ReadAt(p, at)
	switch {
	case err == nil, errors.Is(err, io.EOF) && at+int64(n) >= f.size:
		return n, err
	case !errors.Is(err, io.EOF):
		return n, unreadable(f.Name(), err)
	}
	if err = f.changed(); err == nil {
		err = f.faultOf("ended too early while it was pushed") // it has grown again meanwhile
	}
	return n, err
}
