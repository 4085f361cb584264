package objects

import (
	"context"
	"errors"
	"os"

	"github.com/17882237881/MaaS/shared/ownfile"
)

const (
	// begun ends the name of a file that a process holds, by its lock, while it loads and copies; the kernel lets go of it when the process dies.
	begun   = ".begun"
	private = 0o600
)

// place is where a file of the cache is to be, held by this process.
type place struct {
	cache *FileCache
	name  string
	file  *os.File // name with begun behind it, until it is whole
	size  int64
}

// occupy creates and locks the file's place, and returns it. It returns nil while another process has the lock.
func (c *FileCache) occupy(file ManifestFile) (*place, error) {
	name := file.SHA256.String()
	opened, held, err := c.openLocked(name + begun)
	if !held || err != nil {
		return nil, err
	}
	if err := opened.Truncate(0); err != nil { // what a dead process left
		return nil, errors.Join(err, opened.Close())
	}
	return &place{cache: c, name: name, file: opened, size: file.Size}, nil
}

// openLocked opens the file with the name, which it creates if necessary, and locks it. held is false, and file nil, if another process has the
// lock, or the file was renamed or removed before it was locked.
func (c *FileCache) openLocked(name string) (file *os.File, held bool, err error) {
	if file, err = ownfile.Open(c.root, name, private); err != nil {
		return nil, false, err
	}
	if held, err = ownfile.Lock(file); held {
		held, err = ownfile.Named(c.root, file, name)
	}
	if !held || err != nil {
		_ = file.Close() // nothing was written to it
		return nil, false, err
	}
	return file, true, nil
}

// keep copies from into the cache as the place's file, after it has evicted others to make room. It logs failures, and then the file is not cached.
// On a nil place it does nothing.
func (p *place) keep(ctx context.Context, from *os.File) {
	if p == nil {
		return
	}
	if err := p.reserve(ctx); err != nil {
		p.cache.warn("make room in", err)
		return
	}
	if err := copyWhole(ctx, p.file, from); err != nil {
		p.cache.warn("fill", err)
		return
	}
	if err := p.cache.root.Rename(p.name+begun, p.name); err != nil {
		p.cache.warn("fill", err)
	}
}

// release unlocks the place, and deletes the file if keep did not finish it. On a nil place it does nothing.
func (p *place) release() {
	if p == nil {
		return
	}
	if named, err := ownfile.Named(p.cache.root, p.file, p.name+begun); named && err == nil {
		_ = p.cache.root.Remove(p.name + begun) // else it is removed when there must be room
	}
	_ = p.file.Close() // which unlocks it; what was written is checked when it is used
}
