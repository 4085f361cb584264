package objects

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/shared/fault"
)

// copy writes and hashes the object's bytes in order, from begun on, read by parallel ranged reads.
func (f fetcher) copy(ctx context.Context, to io.Writer, sum hash.Hash, file ManifestFile, begun int64) error {
	order := make(chan (<-chan []byte), spans) // what is read, in the order of the file
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(order)
		for offset := begun; offset < file.Size; offset += span {
			part, err := f.read(ctx, group, file, offset, min(span, file.Size-offset))
			if err != nil {
				return err
			}
			order <- part // has room: there are as many places as buffers
		}
		return nil
	})
	group.Go(func() error { return f.drain(ctx, to, sum, order) })
	return group.Wait()
}

// read begins a ranged read as soon as there is a buffer. Buffers are not given back when it fails: then all of Fetch ends.
func (f fetcher) read(ctx context.Context, group *errgroup.Group, file ManifestFile, offset, length int64) (<-chan []byte, error) {
	var b []byte
	select {
	case <-ctx.Done():
		return nil, ended(ctx)
	case b = <-f.room:
	}
	if int64(cap(b)) < length {
		b = make([]byte, length)
	}
	b = b[:length]
	done := make(chan []byte, 1)
	group.Go(func() error { // bounded by the buffers
		if err := f.store.readFull(ctx, file.Object, offset, b, f.patience); err != nil {
			return absent(err, file)
		}
		done <- b
		return nil
	})
	return done, nil
}

// drain writes what was read, and gives the buffers back.
func (f fetcher) drain(ctx context.Context, to io.Writer, sum hash.Hash, order <-chan (<-chan []byte)) error {
	for part := range order {
		select {
		case <-ctx.Done():
			return ended(ctx)
		case b := <-part:
			if err := hashAndWrite(sum, to, b); err != nil {
				return onDisk(err)
			}
			f.progress.Loaded.Add(int64(len(b)))
			f.room <- b
		}
	}
	return nil
}

// hashAndWrite does both at once: to hash takes a core, and to write into the page cache half of one.
func hashAndWrite(sum hash.Hash, to io.Writer, b []byte) error {
	var hashed sync.WaitGroup
	hashed.Go(func() { _, _ = sum.Write(b) }) // never fails
	_, err := to.Write(b)
	hashed.Wait()
	return err
}

// absent says of bytes that the store does not have that it should.
func absent(err error, file ManifestFile) error {
	switch {
	case fault.Is(err, fault.Invalid): // the range lies outside of the object
		return refused(quoted(file), fmt.Sprintf("are fewer in the object store than the %d of the manifest", file.Size), fault.Cause(err))
	case fault.Is(err, fault.NotFound):
		return refused(quoted(file), "are missing in the object store", fault.Cause(err))
	default:
		return err
	}
}
