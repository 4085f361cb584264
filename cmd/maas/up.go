package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/cmd/maas/host"
	"github.com/17882237881/MaaS/cmd/maas/stores"
	"github.com/17882237881/MaaS/shared/telemetry"
)

type upFlags struct {
	data, listen, log string
	fast              bool
}

// newUp returns the command `maas up`, which runs MaaS on this machine until a signal.
func newUp() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run MaaS on this machine",
		Long: "Runs every function, the event broker and the model servers in one process, beside Postgres, Redis and an S3 server, which it\n" +
			"starts unless DATABASE_URL, REDIS_URL and S3_ENDPOINT name others. It prints one line, `ready http://…`, when everything answers.\n\n" +
			"SIGTERM or Ctrl-C stops it: it takes no new requests and waits for those that are running, for MAAS_DRAIN_TIMEOUT (30s) at most; those that\n" +
			"are left then are answered with 503. A second signal ends it at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return up(cmd, f) },
	}
	cmd.Flags().StringVar(&f.data, "data", ".maas", "data folder")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the API")
	cmd.Flags().StringVar(&f.log, "log", "", "text or json (default: text on a terminal, else json)")
	cmd.Flags().BoolVar(&f.fast, "fast", false, "do not flush to the disk: for tests")
	_ = cmd.Flags().MarkHidden("fast") // it is there
	return cmd
}

// up locks the data folder, starts the host, prints "ready" and its URL, and waits for SIGINT or SIGTERM. Then it stops the host; a second
// signal ends the process at once.
func up(cmd *cobra.Command, f upFlags) (err error) {
	log, err := telemetry.NewLogger(os.Stderr, map[string]string{"MAAS_LOG": f.log, "MAAS_LOG_LEVEL": os.Getenv("MAAS_LOG_LEVEL")})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := stores.Hold(f.data, "maas up")
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // the lock goes with the process anyway
	h, err := host.Start(ctx, host.Options{Folder: folder, Listen: f.listen, Environment: os.Environ(), Log: log, Fast: f.fast})
	if err != nil {
		return err
	}
	defer shut(cmd.Context(), h, log) // a second signal ends the process at once, and the kernel its children
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), "ready", h.URL()); err != nil {
		return err
	}
	<-ctx.Done()
	stop() // a second Ctrl-C ends at once
	return nil
}

// shut logs that the host stops, and stops it, also when ctx has ended.
func shut(ctx context.Context, h *host.Host, log *slog.Logger) {
	log.InfoContext(ctx, "stopping: waiting for the requests that are running; a second signal ends at once")
	h.Stop(context.WithoutCancel(ctx))
}
