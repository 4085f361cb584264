package s3server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
)

// metadata keeps attributes in sidecar files that last as long as the objects they describe, and no longer.
type metadata struct {
	meta.SideCar
	place trees
	disk  disk
}

// RetrieveAttribute returns an attribute of an object. It fails with meta.ErrNoSuchKey if the object is not in the object tree, even if it has
// attributes: after a crash versitygw would take the ETag for proof of an object, and refuse each If-None-Match: * with 412.
func (m metadata) RetrieveAttribute(f *os.File, bucket, object, attribute string) ([]byte, error) {
	if _, err := os.Lstat(filepath.Join(m.place.objects, bucket, object)); errors.Is(err, fs.ErrNotExist) {
		return nil, meta.ErrNoSuchKey
	}
	return m.SideCar.RetrieveAttribute(f, bucket, object, attribute)
}

// StoreAttribute stores an attribute and flushes it to the disk before it returns: the link that makes an object or a part visible comes after
// its attributes.
func (m metadata) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	folder := filepath.Join(m.place.metadata, bucket, object, "meta")
	_, missing := os.Lstat(folder)
	if err := m.SideCar.StoreAttribute(f, bucket, object, attribute, value); err != nil {
		return err
	}
	if err := m.disk.path(filepath.Join(folder, attribute)); err != nil {
		return fmt.Errorf("attribute %s: %w", attribute, err)
	}
	if missing != nil {
		return m.disk.chain(m.place.metadata, folder)
	}
	return m.disk.path(folder)
}
