package objects

import (
	"context"
	"hash"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
)

// copy reads the file's bytes from begun on, by parallel ranged reads. It writes them in order, and adds them to the hash sum.
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
	// To write and to hash are two steps, on two cores where there are two: the hash alone takes one (bench, BenchmarkFetch).
	written := make(chan []byte, spans)
	group.Go(func() error { return f.drain(ctx, to, order, written) })
	group.Go(func() error { f.hash(sum, written); return nil })
	return group.Wait()
}

// read waits for a buffer and begins a ranged read into it, in group. The returned channel gets the filled buffer, and nothing if the read fails.
// It fails if ctx ends before there is a buffer.
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
			return absent(opFetch, err, file.Path, file.Size)
		}
		done <- b
		return nil
	})
	return done, nil
}

// drain writes the buffers that order delivers, in order, and then sends each to written. It closes written when it returns.
func (f fetcher) drain(ctx context.Context, to io.Writer, order <-chan (<-chan []byte), written chan<- []byte) error {
	defer close(written)
	for part := range order {
		if len(part) == 0 && len(written) == 0 {
			f.widen()
		}
		select {
		case <-ctx.Done():
			return ended(ctx)
		case b := <-part:
			if _, err := to.Write(b); err != nil {
				return onDisk(err)
			}
			written <- b // has room, as order has
		}
	}
	return nil
}

// hash writes the buffers to sum and returns them to the room, until written is closed.
func (f fetcher) hash(sum hash.Hash, written <-chan []byte) {
	for b := range written {
		hashCold(sum, b)
		f.progress.Loaded.Add(int64(len(b)))
		f.room <- b
	}
}

const (
	cacheable = 16 << 10 // bytes that stay in a core's first cache
	line      = 64       // bytes of memory that come into it at once
)

// hashCold writes b to sum, faster than sum.Write where another core has just received the bytes. It first reads one byte of each line of memory:
// SHA-256 alone waits for one line at a time, and hashes 1.1 GB/s instead of 1.45 (BenchmarkHashCold).
func hashCold(sum hash.Hash, b []byte) {
	for chunk := range slices.Chunk(b, cacheable) {
		_ = touch(chunk)
		_, _ = sum.Write(chunk) // never fails
	}
}

// touch reads one byte of each line of memory of b. The result only keeps the compiler from removing the reads.
//
//go:noinline
func touch(b []byte) (mixed byte) {
	for i := 0; i < len(b); i += line {
		mixed ^= b[i]
	}
	return mixed
}

// widen allows one more ranged read at a time, up to spans in all. It is called when nothing is left to hash, because the store is slow or far
// away. Fewer reads keep the bytes of a near store in the cache until they are hashed.
func (f fetcher) widen() {
	if f.wide.Add(1) <= spans {
		f.room <- nil
	}
}
