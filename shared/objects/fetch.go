package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/shared/fault"
)

const (
	span        = 8 << 20 // bytes of one ranged read
	spans       = 8       // ranged reads under way or waiting to be written, of all files together
	filesAtOnce = 4
	readable    = 0o755     // of directories: model servers run as other users
	temporary   = ".fetch-" // begins the names of files that are not whole yet
)

// Fetch makes dir hold the files of the version that from names, and gives their manifest. Nothing is believed: the manifest must hash to its
// name, and each file to its digest in the manifest before it gets its name in dir. It fails with Unprocessable where bytes are wrong, with
// Conflict while another process fetches into dir, and then dir has no file that is not right.
//
// Called again it keeps the files that are right already. Other files in dir are left alone. It holds 64 MiB of content at most.
func Fetch(ctx context.Context, store *Store, from URI, dir string) (Manifest, error) {
	manifest, err := store.manifest(ctx, from)
	if err != nil {
		return nil, err
	}
	root, release, err := occupy(dir)
	if err != nil {
		return nil, err
	}
	defer release()

	f := fetcher{store: store, root: root, room: make(chan []byte, spans)}
	for range spans {
		f.room <- nil
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
func (s *Store) manifest(ctx context.Context, from URI) (Manifest, error) {
	if from.Bucket != s.bucket {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("the model is in the bucket %q, and this store is %q", from.Bucket, s.bucket), fault.Field("uri"))
	}
	encoded, err := s.Get(ctx, ManifestKey(from.Tenant, from.Digest), MaxManifest)
	if err != nil {
		return nil, err
	}
	manifest, err := ParseManifest(from.Tenant, encoded)
	if err != nil {
		return nil, err
	}
	if got := manifest.Digest(); got != from.Digest {
		return nil, badManifest(fmt.Sprintf("hashes to its name %s; this one hashes to %s", from.Digest, got))
	}
	for _, file := range manifest {
		if strings.HasPrefix(string(file.Path), temporary) {
			return nil, badManifest(fmt.Sprintf("has no file that begins with %s; %q does", temporary, file.Path))
		}
	}
	return manifest, nil
}

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
	if err := syscall.Flock(int(self.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		release()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil, fault.New(fault.Conflict, "another process fetches into "+dir)
		}
		return nil, nil, onDisk(err)
	}
	return root, release, nil
}

func onDisk(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.New(fault.Unavailable, "the disk is full", fault.Op("objects.Fetch"), fault.Cause(err))
	}
	return fault.New(fault.Internal, "the model's files cannot be written", fault.Op("objects.Fetch"), fault.Cause(err))
}
