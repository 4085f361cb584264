package localruntime

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/objects"
)

// prepare downloads the version's files, checks each against its digest, and returns what its runtime is started with. It fails with errAbsent
// if the version is not to run here, and with Unprocessable if the memory or CPU that it asks for is malformed.
func (s *Supervisor) prepare(ctx context.Context, version uuid.UUID) (model, error) {
	spec, err := s.await(ctx, version)
	if err != nil {
		return model{}, err
	}
	uri, err := objects.ParseURI(spec.Manifest)
	if err != nil {
		return model{}, err
	}
	folder := filepath.Join(s.folder, uri.Digest.String())
	s.disk.RLock()
	defer s.disk.RUnlock()
	if err := s.fetchOnce(ctx, uri, folder); err != nil {
		return model{}, err
	}
	allowed, err := s.rule.For(spec)
	if err != nil {
		return model{}, fault.New(fault.Unprocessable, err.Error())
	}
	return model{name: spec.Version, folder: folder, sockets: s.sockets, program: s.programs[spec.Runtime], allowed: allowed}, nil
}

// fetchOnce downloads the manifest's files into the folder. If another version is downloading the same files it waits for that, and takes over
// if that is canceled.
func (s *Supervisor) fetchOnce(ctx context.Context, uri objects.URI, folder string) error {
	for {
		_, err, shared := s.fetch.Do(folder, func() (any, error) { return objects.Fetch(ctx, s.store, uri, folder) })
		if err == nil || ctx.Err() != nil || !shared || !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// tidy removes the files that no version needs any more; errors are logged. It does nothing while files are being fetched. A model server that
// still runs keeps its files open.
func (s *Supervisor) tidy() {
	if !s.disk.TryLock() {
		return
	}
	defer s.disk.Unlock()
	entries, err := os.ReadDir(s.folder)
	needed := s.digests()
	for _, entry := range entries {
		if !needed[entry.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.folder, entry.Name())))
		}
	}
	if err != nil {
		s.log.Warn("files of versions that run no more were not removed; the next round tries again", "error", err)
	}
}

// digests returns the names of the folders, which are digests, of the versions that may run.
func (s *Supervisor) digests() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	needed := make(map[string]bool, len(s.specs))
	for _, spec := range s.specs {
		if uri, err := objects.ParseURI(spec.Manifest); err == nil {
			needed[uri.Digest.String()] = true
		}
	}
	return needed
}
