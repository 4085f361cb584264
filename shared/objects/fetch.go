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

// WithCache takes files from a cache of the node where it has them, and puts there what had to be read from the store.
func WithCache(c *FileCache) FetchOption { return func(f *fetcher) { f.cache = c } }

// WithPatience waits that long for a store that is away, at each place where it is; otherwise it is some seconds.
func WithPatience(most time.Duration) FetchOption {
	return func(f *fetcher) { f.patience.most = most }
}

// WithProgress counts in p while the fetch goes on.
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

// Waiting returns why the fetch has waited for the store since Waiting was last called, nil if it has not.
func (p *Progress) Waiting() error {
	if err := p.waiting.Swap(nil); err != nil {
		return *err
	}
	return nil
}

func (p *Progress) wait(err error) { p.waiting.Store(&err) }

// Fetch makes dir hold the files of the version that from names, and returns their manifest. Nothing is believed: the manifest must hash to its
// name, and each file to its digest in the manifest before it gets its name in dir. It fails with Unavailable because of a Damage where the
// store does not hold the version as it was published, and with Conflict while another process fetches into dir; dir then has no file that is
// not right.
//
// Called again it keeps the files that are right already, and goes on inside of those that were begun. Other files in dir are left alone. It
// holds 64 MiB of content at most. Nothing is synced to the disk: whoever comes after a power cut fetches again, and finds out.
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

// manifest reads the manifest that from names, and checks it.
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

// occupy opens a directory, which it makes if need be, for this process alone: the kernel lets go of it when the process dies.
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

func onDisk(err error) error {
	if isFull(err) {
		return fault.New(fault.Unavailable, "the disk is full", fault.Op(opFetch), fault.Cause(err))
	}
	return fault.New(fault.Internal, "the model's files cannot be written", fault.Op(opFetch), fault.Cause(err))
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
