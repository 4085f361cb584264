// Package wholefile writes small files that must never be found half-written: keys, credentials, sessions, addresses.
package wholefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write makes path a file of mode 0600 with the text, or leaves what is there: whatever ends the process or the machine meanwhile. Its
// folder must be there.
func Write(path string, text []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = draft.Write(text)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(draft.Name()))
	}
	return nil
}
