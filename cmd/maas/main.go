// Command maas runs MaaS on one machine and is its client.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/commands"
	"github.com/17882237881/MaaS/cmd/maas/operate"
)

func main() { os.Exit(run(newRoot())) }

// newRoot returns the command maas with all its subcommands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "maas",
		Short:         "Model-as-a-Service: upload, publish and call models",
		Version:       commands.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, arguments []string) error {
			return commands.Usage(cobra.NoArgs(cmd, arguments))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return commands.Usage(err) })
	root.AddCommand(
		newUp(),
		newStores(),
		newS3Server(),
	)
	root.AddCommand(operate.Commands()...)
	root.AddCommand(commands.Maker{Getenv: os.Getenv}.All()...)
	return root
}

// exitError says nothing but with which status to exit.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run executes a command and returns the status to exit with. It reports an error on stderr, except an exitError.
func run(root *cobra.Command) int {
	cmd, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[exitError](err); ok {
		return int(exit)
	}
	commands.Report(os.Stderr, cmd, os.Args[1:], err)
	return commands.Status(err)
}
