package objects

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path"
	"sync/atomic"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// fetcher brings files into a directory. room has one buffer for each ranged read that may be under way, nil before its first; wide is how many
// there are in all.
type fetcher struct {
	store    *Store
	root     *os.Root
	room     chan []byte
	wide     *atomic.Int64
	cache    *FileCache // nil: none
	patience patience
	progress *Progress
}

// file makes the directory hold a file of the version. It does nothing if the file is there and has the right bytes. It writes to a temporary name
// first, and renames the file after its digest was checked.
func (f fetcher) file(ctx context.Context, file ManifestFile) error {
	if there, err := f.has(ctx, file); there || err != nil {
		return err
	}
	// What is wrong goes first, so that a fetch that fails leaves nothing wrong behind. If it cannot go, neither can the rename succeed.
	_ = f.root.Remove(string(file.Path))
	unfinished := temporary + ref.SumOf([]byte(file.Path)).String()
	if err := f.bring(ctx, file, unfinished); err != nil {
		return err
	}
	if err := f.root.MkdirAll(path.Dir(string(file.Path)), readable); err != nil {
		return onDisk(err)
	}
	if err := f.root.Rename(unfinished, string(file.Path)); err != nil {
		return onDisk(err)
	}
	return nil
}

// has reports whether the file is there and has the right bytes. A file that cannot be read counts as not there. It fails only when ctx ends.
func (f fetcher) has(ctx context.Context, file ManifestFile) (bool, error) {
	there, err := f.root.Open(string(file.Path))
	if err != nil {
		return false, nil // it is brought anew, or tells then why it cannot be written
	}
	defer func() { _ = there.Close() }() // only read from
	about, err := there.Stat()
	if err != nil || !about.Mode().IsRegular() || about.Size() != file.Size {
		return false, nil // as above
	}
	sum := sha256.New()
	if err := hashRest(ctx, sum, there); err != nil {
		return false, ended(ctx)
	}
	if ref.DigestOf(sum.Sum(nil)) != file.SHA256 {
		return false, nil
	}
	f.progress.There.Add(file.Size)
	return true, nil
}

// bring writes the file's bytes under the name unfinished, from the node's cache or from the store. If it fails because the store or the caller
// went away, what it wrote stays for the next attempt; otherwise it is removed.
func (f fetcher) bring(ctx context.Context, file ManifestFile, unfinished string) (err error) {
	out, err := ownfile.Open(f.root, unfinished, readableOne)
	if err != nil {
		return onDisk(err)
	}
	defer func() {
		if closing := out.Close(); err == nil && closing != nil {
			err = onDisk(closing)
		}
		if err != nil && !interrupted(err) {
			err = errors.Join(err, f.root.Remove(unfinished))
		}
	}()
	place, taken := f.cache.take(ctx, file, out)
	if taken {
		f.progress.Cached.Add(file.Size)
		return nil
	}
	defer place.release()
	if err := f.load(ctx, file, out); err != nil {
		return err
	}
	place.keep(ctx, out)
	return nil
}

// load reads the file's bytes from the store into out, and continues after those that out has. If the whole has a wrong digest, it starts again
// from nothing; if it began from nothing, it fails with a damage.
func (f fetcher) load(ctx context.Context, file ManifestFile, out *os.File) error {
	sum := sha256.New()
	begun, err := resume(ctx, out, sum, file.Size)
	if err != nil {
		return err
	}
	f.progress.There.Add(begun)
	if err := f.copy(ctx, out, sum, file, begun); err != nil {
		return err
	}
	got := ref.DigestOf(sum.Sum(nil))
	switch {
	case got == file.SHA256:
		return nil
	case begun == 0:
		return damaged(opFetch, string(file.Path), hashes(got, file.SHA256), nil)
	}
	// What was there may be what is wrong: a node that lost its power leaves holes.
	f.progress.There.Add(-begun)
	if err := out.Truncate(0); err != nil {
		return onDisk(err)
	}
	return f.load(ctx, file, out)
}

// resume writes the bytes that out has to sum, and returns their number. If there are more than size it empties out first. out is then at its end.
func resume(ctx context.Context, out *os.File, sum hash.Hash, size int64) (begun int64, err error) {
	about, err := out.Stat()
	if err != nil {
		return 0, onDisk(err)
	}
	if about.Size() > size {
		if err := out.Truncate(0); err != nil {
			return 0, onDisk(err)
		}
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return 0, onDisk(err)
	}
	if err := hashRest(ctx, sum, out); err != nil {
		if ctx.Err() != nil {
			return 0, ended(ctx)
		}
		return 0, onDisk(err)
	}
	if begun, err = out.Seek(0, io.SeekCurrent); err != nil {
		return 0, onDisk(err)
	}
	return begun, nil
}

// hashRest writes the rest of a file to sum, from its current offset. It fails with ctx's error if ctx ends first.
func hashRest(ctx context.Context, sum hash.Hash, from io.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch _, err := io.CopyN(sum, from, span); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// interrupted reports whether a later fetch may continue with the bytes of one that failed with err: the store was unavailable, or the caller ended
// it.
func interrupted(err error) bool {
	return !isFull(err) && AsDamage(err) == nil && (fault.KindOf(err).Retryable() || fault.Is(err, fault.Canceled))
}

// ended returns the fault of a fetch whose ctx has ended; its kind follows from why.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	return fault.New(fault.KindOf(cause), "the fetch was ended", fault.Op(opFetch), fault.Cause(cause))
}
