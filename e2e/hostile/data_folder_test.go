//go:build !cluster

package hostile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestADataFolderThatOthersPreparedIsRefused starts hosts on folders in which another user could have put, or has put, something.
func TestADataFolderThatOthersPreparedIsRefused(t *testing.T) {
	for what, prepare := range map[string]func(t *testing.T, data string) (says string){
		"everybody may write to it": func(t *testing.T, data string) string {
			e2etest.Must(t, os.Chmod(data, 0o777))
			return "chmod go-w " + data
		},
		"its keys lie in an open folder": func(t *testing.T, data string) string {
			keys := filepath.Join(data, "keys")
			e2etest.Must(t, os.Mkdir(keys, 0o700))
			e2etest.Must(t, os.Chmod(keys, 0o777))
			return "chmod go-w " + keys
		},
		"a key is a link": func(t *testing.T, data string) string {
			planted := filepath.Join(t.TempDir(), "planted")
			e2etest.Must(t, os.WriteFile(planted, []byte(strings.Repeat("k", 52)), 0o600))
			e2etest.Must(t, os.Mkdir(filepath.Join(data, "keys"), 0o700))
			e2etest.Must(t, os.Symlink(planted, filepath.Join(data, "keys", "service.key")))
			return "is a link"
		},
		"it is another user's": func(t *testing.T, data string) string {
			if os.Getuid() != 0 {
				t.Log("left out: giving a folder away, which only root can; an open one stands in for it")
				e2etest.Must(t, os.Chmod(data, 0o777))
				return "chmod go-w"
			}
			e2etest.Must(t, os.Chown(data, 65534, 65534))
			return "belongs to another user"
		},
		"a key is another user's": func(t *testing.T, data string) string {
			key := filepath.Join(data, "keys", "service.key")
			e2etest.Must(t, os.Mkdir(filepath.Dir(key), 0o700))
			e2etest.Must(t, os.WriteFile(key, []byte(strings.Repeat("k", 52)), 0o600))
			if os.Getuid() != 0 {
				e2etest.Must(t, os.Chmod(key, 0o606))
				return "chmod go-w"
			}
			e2etest.Must(t, os.Chown(key, 65534, 65534))
			return "belongs to another user"
		},
	} {
		t.Run(what, func(t *testing.T) {
			data := e2etest.Folder(t)
			says := prepare(t, data)
			host := e2etest.NewHost(data)
			t.Cleanup(host.Stop)
			if err := host.Start(); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("it says %v, want %q", err, says)
			}
		})
	}
}
