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

// reserve evicts what was not used for the longest time, until there is room for the file within the cache's limit.
func (p *place) reserve(ctx context.Context) error {
	turn, err := p.cache.turn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = turn.Close() }() // nothing is written to it
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

// turn waits until no other process makes room.
func (c *FileCache) turn(ctx context.Context) (*os.File, error) {
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

// entries returns the files of the cache, those that are just filled too, the least recently used first.
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

// evict removes a file, unless a process is just filling it. Whoever copies it has it open, and goes on.
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
