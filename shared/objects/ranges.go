package objects

import (
	"context"
	"hash"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
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
	// To write and to hash are two steps, on two cores where there are two: the hash alone takes one (bench, BenchmarkFetch).
	written := make(chan []byte, spans)
	group.Go(func() error { return f.drain(ctx, to, order, written) })
	group.Go(func() error { f.hash(sum, written); return nil })
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
			return absent(opFetch, err, file.Path, file.Size)
		}
		done <- b
		return nil
	})
	return done, nil
}

// drain writes what was read, in order.
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

// hash hashes what was written, and puts the buffers back.
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

// hashCold hashes bytes that another core has received. SHA-256 waits for each line of memory, so that it hashes 1.1 GB/s of them; of those that
// were touched just before, for whose lines a core waits at once, it hashes 1.45 GB/s (BenchmarkHashCold).
func hashCold(sum hash.Hash, b []byte) {
	for chunk := range slices.Chunk(b, cacheable) {
		_ = touch(chunk)
		_, _ = sum.Write(chunk) // never fails
	}
}

//go:noinline
func touch(b []byte) (mixed byte) {
	for i := 0; i < len(b); i += line {
		mixed ^= b[i]
	}
	return mixed
}

// widen lets one more ranged read be under way: nothing is left to hash, because the store is far away or slow. A store nearby is read by few,
// whose bytes are then hashed before they are cold.
func (f fetcher) widen() {
	if f.wide.Add(1) <= spans {
		f.room <- nil
	}
}
