package operate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/operate"
)

func TestMakeKeysMakesWhatIsMissingAndNoMore(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "keys")

	var first [][]byte
	for range 2 {
		root := &cobra.Command{}
		root.AddCommand(operate.Commands()...)
		root.SetArgs([]string{"make-keys", folder})
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		var keys [][]byte
		for _, name := range []string{"service.key", "signing.json", "verify.json"} {
			key, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		if first != nil && !slices.EqualFunc(keys, first, bytes.Equal) {
			t.Error("the second call made others")
		}
		first = keys
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}
