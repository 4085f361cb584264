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

// prepare downloads the version's files to this machine and checks each against its digest.
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

// fetchOnce fetches the files unless another version is just fetching the same: then it waits, and takes over if that one is stopped.
func (s *Supervisor) fetchOnce(ctx context.Context, uri objects.URI, folder string) error {
	for {
		_, err, shared := s.fetch.Do(folder, func() (any, error) { return objects.Fetch(ctx, s.store, uri, folder) })
		if err == nil || ctx.Err() != nil || !shared || !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// tidy removes the files of versions that are not to run any more, unless files are just being fetched: then the next round does. What
// ran with them has them open until it ends.
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

// digests returns the names of the folders of what may run.
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
