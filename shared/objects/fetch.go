package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/ownfile"
)

const (
	span = 4 << 20 // bytes of one ranged read
	// Of all files together as many ranged reads are under way, or wait to be hashed, as it takes to keep one core hashing: from narrow, which is
	// enough for a store nearby, to spans, for one that gives 90 MB/s on a connection.
	narrow      = 3
	spans       = 16
	filesAtOnce = 8
	readable    = 0o755     // of directories: model servers run as other users
	readableOne = 0o644     // of files
	temporary   = ".fetch-" // begins the names of files that are not whole yet
)

// FetchOption changes what Fetch does.
type FetchOption func(*fetcher)

// WithCache has Fetch take files from a cache of the node, and put files that it read from the store there. c may be nil.
func WithCache(c *FileCache) FetchOption { return func(f *fetcher) { f.cache = c } }

// WithPatience has Fetch retry each read for up to most while the store is unavailable; the default is some seconds.
func WithPatience(most time.Duration) FetchOption {
	return func(f *fetcher) { f.patience.most = most }
}

// WithProgress has Fetch count in p while it runs.
func WithProgress(p *Progress) FetchOption {
	return func(f *fetcher) { f.progress, f.patience.waiting = p, p.wait }
}

// Progress is how far a fetch is, in bytes, for others to read while it goes on.
type Progress struct {
	Total  atomic.Int64 // of the version; 0 until its manifest is read
	There  atomic.Int64 // were in the folder already
	Cached atomic.Int64 // came from the node's cache
	Loaded atomic.Int64 // came from the store; more than once where they had to be read again

	waiting atomic.Pointer[error]
}

// Waiting returns the last error for which the fetch waited since the previous call of Waiting, or nil if it has not waited.
func (p *Progress) Waiting() error {
	if err := p.waiting.Swap(nil); err != nil {
		return *err
	}
	return nil
}

// wait records the error for Waiting.
func (p *Progress) wait(err error) { p.waiting.Store(&err) }

// Fetch makes dir hold the files of the version that from names, and returns their manifest. The manifest must hash to its name, and a file gets
// its name in dir only after its digest was checked. Fetch fails with Unavailable, caused by a Damage, if the store does not hold the version as it
// was published, with Invalid if from is in another bucket, and with Conflict while another process fetches into dir.
//
// After an error, dir holds no wrong file of the version. The next call keeps the files that are complete and continues those that are not. Other
// files in dir stay. Fetch holds at most 64 MiB of content in memory, and does not sync files to the disk: after a power cut the next call checks
// them.
func Fetch(ctx context.Context, store *Store, from URI, dir string, options ...FetchOption) (Manifest, error) {
	f := fetcher{store: store, room: make(chan []byte, spans), wide: new(atomic.Int64), patience: brief(), progress: &Progress{}}
	for _, option := range options {
		option(&f)
	}
	manifest, err := f.manifest(ctx, from)
	if err != nil {
		return nil, err
	}
	f.progress.Total.Store(manifest.Size())
	root, release, err := occupy(dir)
	if err != nil {
		return nil, err
	}
	defer release()

	f.root = root
	for range narrow {
		f.widen()
	}
	files, ctx := errgroup.WithContext(ctx)
	files.SetLimit(filesAtOnce)
	for _, file := range manifest {
		files.Go(func() error { return f.file(ctx, file) })
	}
	if err := files.Wait(); err != nil {
		return nil, err
	}
	return manifest, nil
}

// manifest reads the manifest that from names, and checks its digest and its form. It fails with Invalid for another bucket, and with a damage if
// the manifest is missing, too large or has another digest.
func (f fetcher) manifest(ctx context.Context, from URI) (Manifest, error) {
	if from.Bucket != f.store.bucket {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("the model is in the bucket %q, and this store is %q", from.Bucket, f.store.bucket), fault.Field("uri"))
	}
	var encoded []byte
	err := f.patience.insist(ctx, func() (err error) {
		encoded, err = f.store.Get(ctx, ManifestKey(from.Tenant, from.Digest), MaxManifest)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, damaged(opFetch, theManifest, "are missing", err)
	case fault.Is(err, fault.TooLarge):
		return nil, damaged(opFetch, theManifest, fmt.Sprintf("are more than %d", MaxManifest), err)
	case err != nil:
		return nil, err
	}
	if got := ref.SumOf(encoded); got != from.Digest {
		return nil, damaged(opFetch, theManifest, hashes(got, from.Digest), nil)
	}
	return ParseManifest(from.Tenant, encoded)
}

const opFetch = "objects.Fetch"

// occupy opens dir, which it creates if necessary, and locks it for this process until release is called or the process ends. It fails with
// Conflict if another process has the lock.
func occupy(dir string) (root *os.Root, release func(), err error) {
	if err := os.MkdirAll(dir, readable); err != nil {
		return nil, nil, onDisk(err)
	}
	if root, err = os.OpenRoot(dir); err != nil {
		return nil, nil, onDisk(err)
	}
	self, err := root.Open(".")
	if err != nil {
		return nil, nil, onDisk(errors.Join(err, root.Close()))
	}
	release = func() { _, _ = self.Close(), root.Close() } // nothing was written through them; closing unlocks
	switch held, err := ownfile.Lock(self); {
	case err != nil:
		release()
		return nil, nil, onDisk(err)
	case !held:
		release()
		return nil, nil, fault.New(fault.Conflict, "another process is fetching into the same folder", fault.Op(opFetch))
	}
	return root, release, nil
}

// onDisk returns the fault of a failed operation on the disk: Unavailable if the disk is full, otherwise Internal.
func onDisk(err error) error {
	if isFull(err) {
		return fault.New(fault.Unavailable, "the disk is full", fault.Op(opFetch), fault.Cause(err))
	}
	return fault.New(fault.Internal, "the model's files cannot be written", fault.Op(opFetch), fault.Cause(err))
}

// isFull reports whether err says that the disk, or the user's quota on it, is full.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
