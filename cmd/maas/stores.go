package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/child"
	"github.com/17882237881/MaaS/cmd/maas/s3server"
	"github.com/17882237881/MaaS/cmd/maas/stores"
)

// temporary as the data folder stands for one that ends with the command.
const temporary = "temporary"

// stopWithin bounds the stop of the servers; what is left then is killed.
const stopWithin = 8 * time.Second

type storesFlags struct {
	data, listen string
	fast         bool
}

// newStores returns the command `maas stores`, which runs a command beside Postgres, Redis and an S3 server, or prints their variables and
// waits for a signal.
func newStores() *cobra.Command {
	var f storesFlags
	cmd := &cobra.Command{
		Use:   "stores [-- COMMAND…]",
		Short: "Run a command beside Postgres, Redis and an S3 server",
		Long: "Starts Postgres, Redis and an S3 server, or connects to those that DATABASE_URL, REDIS_URL and S3_ENDPOINT name,\n" +
			"and runs a command that finds them by its environment. Without a command it prints the variables and waits.",
		RunE: func(cmd *cobra.Command, command []string) error {
			return withStores(cmd.Context(), f, func(s *stores.Stores, log *slog.Logger, signals <-chan os.Signal) error {
				if len(command) == 0 {
					return printAndWait(cmd.OutOrStdout(), s, signals)
				}
				return runBeside(s, log, command, signals)
			})
		},
	}
	cmd.Flags().StringVar(&f.data, "data", ".maas", `data folder, or "temporary" for one that ends with the command`)
	cmd.Flags().StringVar(&f.listen, "listen", "", fmt.Sprintf(
		"IP address of this machine at which others reach them too, with passwords: Postgres at port %d, Redis at %d, S3 at %d",
		stores.PostgresPort, stores.RedisPort, stores.S3Port))
	cmd.Flags().BoolVar(&f.fast, "fast", false, "do not flush to the disk: for tests")
	return cmd
}

// newS3Server returns the hidden command that runs the S3 server as a process of its own, for `maas up` and `maas stores`.
func newS3Server() *cobra.Command {
	return &cobra.Command{
		Use:                "s3-server",
		Hidden:             true,
		DisableFlagParsing: true, // s3server reads its own
		RunE:               func(cmd *cobra.Command, arguments []string) error { return s3server.Main(cmd.Context(), arguments) },
	}
}

// withStores locks the data folder, starts the servers, calls do, and stops them again. It returns do's error. A signal during the start ends
// the start with an error; later ones are do's to read.
func withStores(
	ctx context.Context, f storesFlags, do func(*stores.Stores, *slog.Logger, <-chan os.Signal) error,
) (err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	folder, err := hold(f.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := startUnlessSignalled(ctx, signals, folder, stores.Options{
		Log: log, Listen: f.listen, Fast: f.fast, Environment: os.Environ(),
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		s.Stop(ctx)
	}()
	return do(s, log, signals)
}

// hold locks the data folder for this process. "temporary" stands for a new folder that is deleted when it is closed.
func hold(data string) (*stores.Folder, error) {
	if data == temporary {
		return stores.HoldTemporary("maas stores")
	}
	return stores.Hold(data, "maas stores")
}

// startUnlessSignalled starts the servers. If a signal comes meanwhile, it stops them again and fails with an error that names the signal.
func startUnlessSignalled(
	ctx context.Context, signals <-chan os.Signal, folder *stores.Folder, o stores.Options,
) (*stores.Stores, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the start
		select {
		case s := <-signals:
			cancel(fmt.Errorf("stopped by %s", s))
		case <-ctx.Done():
		}
	}()
	s, err := stores.Start(ctx, folder, o)
	signalled := context.Cause(ctx)
	if signalled == nil {
		return s, err
	}
	if err == nil {
		s.Stop(ctx)
	}
	return nil, signalled
}

// printAndWait prints the servers' variables as lines for a shell's eval, and waits for a signal.
func printAndWait(w io.Writer, s *stores.Stores, signals <-chan os.Signal) error {
	for _, pair := range s.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if _, err := fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`)); err != nil {
			return err
		}
	}
	<-signals
	return nil
}

// runBeside runs the command with this process's terminal, and passes signals on to it. When the command ends it returns nil, or its exit
// status as an exitError.
func runBeside(s *stores.Stores, log *slog.Logger, command []string, signals <-chan os.Signal) error {
	process, err := child.Start(context.Background(), child.Spec{
		Name:       command[0],
		Log:        log,
		Foreground: true,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
			cmd.Env = append(os.Environ(), s.Environ()...)
			return cmd, nil
		},
	})
	if err != nil {
		return err
	}
	for {
		select {
		case <-process.Done():
			return exitOf(process.Err())
		case got := <-signals:
			if got == os.Interrupt && isatty.IsTerminal(os.Stdin.Fd()) {
				continue // the terminal has sent it to the command too
			}
			_ = process.Signal(got) // it has ended if this fails
		}
	}
}

// exitOf turns the error of a command into the exitError that a shell would exit with: its status, or 128 and the number of the signal that
// ended it. Any other error, and nil, it returns as it is.
func exitOf(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitError(128 + int(status.Signal()))
	}
	return exitError(exit.ExitCode())
}
