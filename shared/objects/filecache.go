package objects

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/17882237881/MaaS/api/ref"
)

// FileCache keeps the files of versions on a node by their digest, so that versions that share a file, and pods of one version, read it from
// the store once. Any number of processes may use one folder at the same time.
//
// It is neither believed nor needed: what is taken out is checked as what comes from the store is, and whatever goes wrong with the cache is
// logged, and the fetch goes on without it. Files are copied, by the file system's own cheapest way (XFS and Btrfs share the blocks). They are
// not linked: a link does not cross mounts, and whoever could write to the files of one pod would write to those of all.
//
// A nil FileCache has nothing and keeps nothing.
type FileCache struct {
	root  *os.Root
	limit int64
	log   *slog.Logger
}

const (
	copied = 64 << 20 // bytes that are copied at once, between two looks at whether the caller has gone
	// A process that has begun to load a file for the cache is waited for as long as it would take at this rate, and a while more.
	waitedFor   = 50e6 // bytes a second
	waitedMore  = 5 * time.Second
	lookedAgain = 100 * time.Millisecond
)

// OpenFileCache opens the cache in a folder, which it creates if necessary, and keeps it to limit bytes. If the folder cannot be used it logs why
// and returns nil, which caches nothing.
func OpenFileCache(dir string, limit int64, log *slog.Logger) *FileCache {
	c := &FileCache{limit: limit, log: log.With("cache", dir)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.warn("open", err)
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		c.warn("open", err)
		return nil
	}
	c.root = root
	return c
}

// Close closes the folder. On a nil cache it does nothing.
func (c *FileCache) Close() {
	if c != nil {
		_ = c.root.Close() // nothing was written through it
	}
}

// take copies the file from the cache into out, and reports whether it did. While another process loads the file, take waits, for a bounded time.
// If the cache does not have the file, take returns the place where the caller should keep it, or nil if the caller should not. For a nil cache,
// and after an error, which is logged, it returns nil and false.
func (c *FileCache) take(ctx context.Context, file ManifestFile, out *os.File) (p *place, taken bool) {
	if c == nil || file.Size > c.limit {
		return nil, false
	}
	patience := time.NewTimer(waitedMore + time.Duration(float64(file.Size)/waitedFor*float64(time.Second)))
	defer patience.Stop()
	for {
		p, taken, err := c.try(ctx, file, out)
		switch {
		case ctx.Err() != nil:
			return nil, false
		case err != nil:
			c.warn("use", err)
			return nil, false
		case p != nil || taken:
			return p, taken
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-patience.C:
			return nil, false
		case <-time.After(lookedAgain):
		}
	}
}

// try is take without waiting. While another process loads the file, it returns nil, false and no error.
func (c *FileCache) try(ctx context.Context, file ManifestFile, out *os.File) (p *place, taken bool, err error) {
	if taken, err = c.copyOut(ctx, file, out); taken || err != nil {
		return nil, taken, err
	}
	if p, err = c.occupy(file); p == nil || err != nil {
		return nil, false, err
	}
	if c.has(file) { // put there just before
		p.release()
		p = nil
	}
	return p, false, nil
}

// copyOut copies the file from the cache into out, and reports whether it did. An entry with a wrong digest is removed, and out is empty then.
func (c *FileCache) copyOut(ctx context.Context, file ManifestFile, out *os.File) (bool, error) {
	name := file.SHA256.String()
	entry, err := c.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = entry.Close() }() // only read from
	got, err := copyHashed(ctx, out, entry)
	if err != nil {
		return false, errors.Join(err, empty(out))
	}
	if got != file.SHA256 {
		c.warn("believe", fmt.Errorf("the bytes of %s hash to %s", name, got))
		return false, errors.Join(empty(out), c.root.Remove(name))
	}
	now := time.Now()
	_ = c.root.Chtimes(name, now, now) // evicted just now, or another user's: it goes the sooner
	return true, nil
}

// copyHashed replaces the content of to by that of from, and returns the digest of the copy, which it reads back.
func copyHashed(ctx context.Context, to, from *os.File) (ref.Digest, error) {
	if err := copyWhole(ctx, to, from); err != nil {
		return ref.Digest{}, err
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return ref.Digest{}, err
	}
	sum := sha256.New()
	err := hashRest(ctx, sum, to)
	return ref.DigestOf(sum.Sum(nil)), err
}

// empty truncates the file to nothing and moves to its start.
func empty(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return errors.Join(err, file.Truncate(0))
}

// copyWhole replaces the content of to by that of from. It uses the kernel's copy_file_range, which shares blocks where the file system can. It
// fails with ctx's error if ctx ends first.
func copyWhole(ctx context.Context, to, from *os.File) error {
	_, there := to.Seek(0, io.SeekStart)
	_, here := from.Seek(0, io.SeekStart)
	if err := errors.Join(there, here); err != nil {
		return err
	}
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(to, from, copied)
		size += n
		if errors.Is(err, io.EOF) {
			return to.Truncate(size) // what was there may have been longer
		}
		if err != nil {
			return err
		}
	}
}

// has reports whether the cache has an entry for the file, whatever its bytes.
func (c *FileCache) has(file ManifestFile) bool {
	_, err := c.root.Stat(file.SHA256.String())
	return err == nil
}

// warn logs that the cache failed at the act, and is not used for a file.
func (c *FileCache) warn(act string, err error) {
	c.log.Warn("the node's cache is of no use for a file; the fetch goes on without", "act", act, "error", err)
}
