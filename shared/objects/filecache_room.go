package objects

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/ref"
)

const (
	// counting is the file whose lock a process holds while it counts and makes room, which takes milliseconds.
	counting    = ".counting"
	countedSoon = 5 * time.Second
)

// reserve evicts the least recently used files until the place's file fits into the cache's limit, and takes its size on the disk. It fails if
// other processes' unfinished files leave too little room.
func (p *place) reserve(ctx context.Context) error {
	lock, err := p.cache.lockCounting(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // nothing is written to it
	entries, err := p.cache.entries()
	if err != nil {
		return err
	}
	room := p.cache.limit - p.size
	for _, entry := range entries {
		room -= entry.Size()
	}
	for _, entry := range entries {
		if room < 0 && p.cache.evict(entry.Name()) {
			room += entry.Size()
		}
	}
	if room < 0 {
		return errors.New("other processes are filling it")
	}
	return p.file.Truncate(p.size) // from now on it counts
}

// lockCounting waits until no other process makes room in the cache, and locks that for this one until the returned file is closed. It fails if
// that takes more than 5 s or ctx ends.
func (c *FileCache) lockCounting(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, countedSoon)
	defer cancel()
	for {
		if file, held, err := c.openLocked(counting); held || err != nil {
			return file, err
		}
		if err := backoff.Sleep(ctx, lookedAgain); err != nil {
			return nil, err
		}
	}
}

// entries returns the files of the cache, also unfinished ones, the least recently used first.
func (c *FileCache) entries() ([]fs.FileInfo, error) {
	all, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var files []fs.FileInfo
	for _, entry := range all {
		about, err := entry.Info()
		if err != nil || !about.Mode().IsRegular() {
			continue // evicted just now; or not the cache's
		}
		if _, err := ref.ParseDigest(strings.TrimSuffix(entry.Name(), begun)); err == nil {
			files = append(files, about)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, nil
}

// evict removes a file and reports whether it did. It does not remove a file that a process is writing. A process that has the file open can read
// on.
func (c *FileCache) evict(name string) bool {
	if strings.HasSuffix(name, begun) {
		file, held, err := c.openLocked(name)
		if !held || err != nil {
			return false
		}
		defer func() { _ = file.Close() }() // it goes
	}
	return c.root.Remove(name) == nil
}
