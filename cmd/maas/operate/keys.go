package operate

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/installation"
)

// makeKeys returns the command `maas make-keys`, which creates the missing keys in a folder.
func makeKeys() *cobra.Command {
	return &cobra.Command{
		Use:   "make-keys FOLDER",
		Short: "Make an installation's keys, those that are missing",
		Long: "Makes the keys that functions are given as secrets: the service key (service.key), the keys that sign access tokens (signing.json),\n" +
			"and their public part (verify.json). What is in the folder already stays; `maas up` makes its own.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			if err := os.MkdirAll(arguments[0], 0o700); err != nil {
				return fmt.Errorf("the keys' folder: %w", err)
			}
			_, err := installation.OpenKeys(arguments[0])
			return err
		},
	}
}
