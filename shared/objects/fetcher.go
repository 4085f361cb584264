package objects

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/ref"
)

// fetcher brings files into a directory. room has one buffer for each ranged read that may be under way.
type fetcher struct {
	store *Store
	root  *os.Root
	room  chan []byte
}

// file makes the directory hold a file: its bytes are written beside it, checked and synced before they get its name.
func (f fetcher) file(ctx context.Context, file ManifestFile) error {
	if f.has(file) {
		return nil
	}
	// What is wrong goes first, so that a fetch that fails leaves nothing wrong behind. If it cannot go, neither can the rename succeed.
	_ = f.root.Remove(string(file.Path))
	unfinished := temporary + ref.SumOf([]byte(file.Path)).String()
	if err := f.write(ctx, file, unfinished); err != nil {
		return errors.Join(err, f.root.Remove(unfinished))
	}
	if err := f.root.MkdirAll(path.Dir(string(file.Path)), readable); err != nil {
		return onDisk(err)
	}
	if err := f.root.Rename(unfinished, string(file.Path)); err != nil {
		return onDisk(err)
	}
	return f.syncDirectory(path.Dir(string(file.Path)))
}

// has reports whether the file is there with its bytes.
func (f fetcher) has(file ManifestFile) bool {
	there, err := f.root.Open(string(file.Path))
	if err != nil {
		return false
	}
	defer func() { _ = there.Close() }() // only read from
	if about, err := there.Stat(); err != nil || !about.Mode().IsRegular() || about.Size() != file.Size {
		return false
	}
	sum := sha256.New()
	_, err = io.Copy(sum, there)
	return err == nil && ref.DigestOf(sum.Sum(nil)) == file.SHA256
}

func (f fetcher) write(ctx context.Context, file ManifestFile, name string) error {
	out, err := f.root.Create(name)
	if err != nil {
		return onDisk(err)
	}
	sum := sha256.New()
	if err := f.copy(ctx, io.MultiWriter(out, sum), file); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return onDisk(err)
	}
	if got := ref.DigestOf(sum.Sum(nil)); got != file.SHA256 {
		return fault.New(fault.Unprocessable, fmt.Sprintf("the bytes of %q hash to %s and should hash to %s", file.Path, got, file.SHA256), fault.Op("objects.Fetch"))
	}
	return nil
}

// copy writes the object's bytes in order, read by parallel ranged reads.
func (f fetcher) copy(ctx context.Context, to io.Writer, file ManifestFile) error {
	order := make(chan (<-chan []byte), spans) // what is read, in the order of the file
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(order)
		for offset := int64(0); offset < file.Size; offset += span {
			part, err := f.read(ctx, group, file.Object, offset, min(span, file.Size-offset))
			if err != nil {
				return err
			}
			order <- part // has room: there are as many places as buffers
		}
		return nil
	})
	group.Go(func() error { return f.drain(ctx, to, order) })
	return group.Wait()
}

// read begins a ranged read as soon as there is a buffer. Buffers are not given back when it fails: then all of Fetch ends.
func (f fetcher) read(ctx context.Context, group *errgroup.Group, key Key, offset, length int64) (<-chan []byte, error) {
	var b []byte
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case b = <-f.room:
	}
	if int64(cap(b)) < length {
		b = make([]byte, length)
	}
	b = b[:length]
	done := make(chan []byte, 1)
	group.Go(func() error { // bounded by the buffers
		if err := f.store.readFull(ctx, key, offset, b); err != nil {
			return outgrown(err)
		}
		done <- b
		return nil
	})
	return done, nil
}

// drain writes what was read, and gives the buffers back.
func (f fetcher) drain(ctx context.Context, to io.Writer, order <-chan (<-chan []byte)) error {
	for part := range order {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case b := <-part:
			if _, err := to.Write(b); err != nil {
				return onDisk(err)
			}
			f.room <- b
		}
	}
	return nil
}

// outgrown says of a range outside of the object that the object is not the manifest's.
func outgrown(err error) error {
	if fault.Is(err, fault.Invalid) {
		return fault.New(fault.Unprocessable, "an object is shorter than its manifest says", fault.Op("objects.Fetch"), fault.Cause(err))
	}
	return err
}

// syncDirectory makes renames in a directory last.
func (f fetcher) syncDirectory(name string) error {
	dir, err := f.root.Open(name)
	if err != nil {
		return onDisk(err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return onDisk(err)
	}
	return nil
}
