package s3server

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/posix"
)

// versitygw claims an upload for Complete by the name <upload>.<etag>.inprogress, in the object tree first, then in the metadata tree.
const inProgress = ".inprogress"

// recover undoes each Complete that a crash cut short, or finishes it if the object is there already, and then removes what belongs to no
// upload. It must run while no server does, which might be completing an upload. It returns the errors of all that failed.
func (t trees) recover() error {
	var problems []error
	for _, tree := range []string{t.metadata, t.objects} { // the object tree last: it is what a second recovery looks for
		for claim := range t.find(tree, posix.MetaTmpMultipartDir+"/*/*"+inProgress) {
			problems = append(problems, t.release(claim))
		}
	}
	return errors.Join(append(problems, t.sweep())...)
}

// release ends a claim: it deletes the upload if its object exists, and reopens it if not.
func (t trees) release(claim string) error {
	folder, name := filepath.Split(claim)
	upload, _, _ := strings.Cut(name, ".")
	if t.completed(folder, upload) {
		return os.RemoveAll(claim)
	}
	open := filepath.Join(folder, upload)
	err := os.Rename(claim, open)
	if errors.Is(err, fs.ErrExist) { // ENOTEMPTY as well: a part came in meanwhile
		err = merge(claim, open)
	}
	if err != nil {
		return fmt.Errorf("reopen upload %s: %w", upload, err)
	}
	return nil
}

// completed reports whether the upload's object is in the store.
func (t trees) completed(folder, upload string) bool {
	bucket, key, ok := t.key(folder)
	if !ok {
		return false
	}
	if _, err := os.Lstat(filepath.Join(t.objects, bucket, key)); err != nil {
		return false
	}
	text, err := os.ReadFile(filepath.Join(t.metadata, bucket, key, "meta", "mp-metadata"))
	if err != nil {
		return false
	}
	made, err := backend.UnmarshalMpUploadMetadata(text, false)
	return err == nil && made.UploadID == upload
}

// key returns the bucket and the key that a folder of uploads is for, in either tree: <tree>/<bucket>/.sgwtmp/multipart/<hash of the key>/. ok
// is false if they are not known.
func (t trees) key(folder string) (bucket, key string, ok bool) {
	for _, tree := range []string{t.objects, t.metadata} {
		path, err := filepath.Rel(tree, folder)
		if err != nil || strings.HasPrefix(path, "..") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(t.metadata, path, "meta", "objname"))
		bucket, _, _ := strings.Cut(path, string(filepath.Separator))
		return bucket, string(text), err == nil
	}
	return "", "", false
}

// merge moves what only the claimed folder has into the open one, and removes the claimed folder.
func merge(claim, open string) error {
	entries, err := os.ReadDir(claim)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		to := filepath.Join(open, entry.Name())
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(filepath.Join(claim, entry.Name()), to); err != nil {
			return err
		}
	}
	return os.RemoveAll(claim)
}

// sweep removes what belongs to no upload any more: staging files, on file systems without unnamed ones (O_TMPFILE), and the attributes of
// uploads that have ended. It does not look at the objects.
func (t trees) sweep() error {
	staged := []string{posix.MetaTmpDir + "/*", posix.MetaTmpMultipartDir + "/*/*"}
	for path := range t.find(t.objects, staged...) {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove staging file: %w", err)
		}
	}
	described := []string{posix.MetaTmpMultipartDir + "/*", posix.MetaTmpMultipartDir + "/*/*"}
	for path := range t.find(t.metadata, described...) {
		_, err := os.Lstat(filepath.Join(t.objects, strings.TrimPrefix(path, t.metadata)))
		if !errors.Is(err, fs.ErrNotExist) || filepath.Base(path) == "meta" {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove attributes: %w", err)
		}
	}
	return nil
}

// find returns the paths that match one of the patterns in any bucket of a tree.
func (t trees) find(tree string, patterns ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, pattern := range patterns {
			found, _ := filepath.Glob(filepath.Join(escape(tree), "*", pattern)) // the patterns are ours: none is malformed
			for _, path := range found {
				if !yield(path) {
					return
				}
			}
		}
	}
}

// escape returns a pattern of filepath.Glob that matches the path alone.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
