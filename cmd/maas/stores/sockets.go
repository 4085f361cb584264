package stores

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// longestSocket is the longest path of a Unix socket in bytes (unix(7): sun_path less its end), longestName that of our names in it.
const (
	longestSocket = 107
	longestName   = len("/.s.PGSQL.15432.lock")
)

// Sockets returns the folder for Unix sockets, which it creates if need be: run/ in the data folder, or, if that path is too long for a
// socket, one in the temporary folder. It fails if others may use the folder.
func (f *Folder) Sockets() (string, error) {
	if len(filepath.Join(f.Path, "run"))+longestName <= longestSocket {
		return f.Sub("run")
	}
	sum := sha256.Sum256([]byte(f.Path))
	path := filepath.Join(os.TempDir(), fmt.Sprintf("maas-%d-%s", os.Getuid(), hex.EncodeToString(sum[:6])))
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("folder for sockets: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("folder for sockets: %w", err)
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !known || int(owner.Uid) != os.Getuid() || info.Mode().Perm() != 0o700 {
		return "", fmt.Errorf("folder for sockets: %s is not this user's alone", path)
	}
	return path, nil
}
