package s3server

import (
	"context"
	"flag"
	"fmt"
	"os/signal"
	"strconv"
	"syscall"
)

// Arguments returns the command line from which Main reads cfg.
func Arguments(cfg Config) []string {
	return []string{
		"--data", cfg.Data, "--credentials", cfg.Credentials, "--readers", cfg.Readers, "--bucket", cfg.Bucket, "--listen", cfg.Listen,
		"--region", cfg.Region, "--fast=" + strconv.FormatBool(cfg.Fast),
	}
}

// Main runs the server with the command line of `maas s3-server`, until ctx ends or SIGTERM or SIGINT comes.
func Main(ctx context.Context, arguments []string) error {
	var cfg Config
	flags := flag.NewFlagSet("s3-server", flag.ContinueOnError)
	flags.StringVar(&cfg.Data, "data", "", "folder of the objects, absolute")
	flags.StringVar(&cfg.Credentials, "credentials", "", "folder with ACCOUNT/access-key-id and ACCOUNT/secret-access-key; without, the data folder has one")
	flags.StringVar(&cfg.Readers, "readers", "", "such a folder with the accounts that may only read objects of tenants (t/*)")
	flags.StringVar(&cfg.Bucket, "bucket", "", "bucket that is made where it is not there")
	flags.StringVar(&cfg.Listen, "listen", "", "address, host:port")
	flags.StringVar(&cfg.Region, "region", "us-east-1", "region that clients sign for")
	flags.BoolVar(&cfg.Fast, "fast", false, "do not flush to the disk: for tests")
	if err := flags.Parse(arguments); err != nil {
		return fmt.Errorf("s3-server: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return Run(ctx, cfg)
}
