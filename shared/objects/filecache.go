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

// OpenFileCache opens the cache in a folder, which it creates, and keeps it to limit bytes. If the folder cannot be
// used it logs why and returns nil, which caches nothing.
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

// Close lets go of the folder.
func (c *FileCache) Close() {
	if c != nil {
		_ = c.root.Close() // nothing was written through it
	}
}

// take makes out hold the file's bytes, if the cache has them, or gets them from another process while it waits. Otherwise it gives the place
// where the caller shall keep them once it has them: nil where it need not.
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

// try is take without waiting: it gives neither a place nor the bytes while another process has the place.
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

// copyOut reports whether out has got the file's bytes. An entry that has others goes.
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

// copyHashed makes the file to a copy of from, and returns the digest of what the copy has when it is read back.
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

func empty(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return errors.Join(err, file.Truncate(0))
}

// copyWhole copies a file: between two files io.Copy asks the kernel to (copy_file_range), which shares blocks where it can.
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

func (c *FileCache) has(file ManifestFile) bool {
	_, err := c.root.Stat(file.SHA256.String())
	return err == nil
}

func (c *FileCache) warn(act string, err error) {
	c.log.Warn("the node's cache is of no use for a file; the fetch goes on without", "act", act, "error", err)
}
