// Command maas runs MaaS on one machine and is its client.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(newRoot())) }

// newRoot is the command with all that hang on it, each in a file of its own.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "maas",
		Short:         "Model-as-a-Service: upload, publish and call models",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newUp(),
		newStores(),
		newS3Server(),
	)
	return root
}

// exitError says nothing but with which status to exit.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run executes a command and gives the status to exit with.
func run(root *cobra.Command) int {
	err := root.Execute()
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[exitError](err); ok {
		return int(exit)
	}
	fmt.Fprintln(os.Stderr, "maas:", err)
	return 1
}
