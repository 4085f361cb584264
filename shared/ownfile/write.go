package ownfile

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Write replaces the file at path with text, wholly or not at all. The text may be a secret: the file gets mode 0600 whatever it had before, which
// renameio.WriteFile would keep, and the draft, which has it too, is in the same folder.
func Write(path string, text []byte) error {
	draft, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = draft.Cleanup() }() // nothing is left of it after it has replaced the file
	if _, err := draft.Write(text); err != nil {
		return err
	}
	return draft.CloseAtomicallyReplace()
}
