// Command fetch brings a published version to where a model server reads it. It is KServe's storage initializer for maas:// addresses:
//
//	fetch maas://<bucket>/t/<tenant>/manifests/<digest> /mnt/models
//
// Every byte is checked before a file gets its name: what is not the version as it was published does not start. A fetch that was interrupted
// goes on from what is in the folder. The store is the one that the S3_* variables name; one that is away is waited for (MAAS_FETCH_PATIENCE).
// With MAAS_FETCH_CACHE the files come out of, and go into, a folder that the pods of a node share.
//
// The exit status is 0 when the folder holds the version; 3 where the store does not hold it as it was published, which an operator must
// mend; 2 for wrong arguments or configuration; and 1 for all else: another try may succeed. What is wrong is one sentence for the version's owner: the
// last line of stderr, and the container's termination message. The other lines of stderr are the log, in JSON.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/termination"
)

func main() {
	syscall.Umask(0o022) // the model server may run as another user
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	a, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, a, environment())
	}
	stop()
	if err != nil {
		sentence := fault.From(err).Message
		termination.Say(a.termination, sentence)
		fmt.Fprintln(os.Stderr, sentence)
		os.Exit(status(err))
	}
}

// run fetches the version's files as the variables say. It fails with Invalid for wrong configuration, and with Canceled when ctx ends.
func run(ctx context.Context, a arguments, vars map[string]string) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	e := env.New("fetch", vars, log)
	c, err := configured(e)
	if err != nil {
		return err
	}
	store, err := objects.Open(ctx, e)
	if err != nil {
		return misused(err)
	}
	defer func() { _ = e.Close(context.WithoutCancel(ctx)) }() // idle connections alone
	err = c.fetch(ctx, store, a, log)
	if err != nil && ctx.Err() != nil {
		err = fault.New(fault.Canceled, "the fetch of the model's files was stopped", fault.Cause(err))
	}
	if err != nil {
		log.Error("stopped", "error", err.Error())
	}
	return err
}

// arguments are what KServe gives, and where the last words go.
type arguments struct {
	from        objects.URI
	folder      string
	termination string
}

// parse reads the command line. What is wrong in it is Invalid.
func parse(list []string) (arguments, error) {
	a := arguments{}
	f := flag.NewFlagSet("fetch", flag.ContinueOnError)
	f.StringVar(&a.termination, "termination-log", termination.Path, "file of the container's termination message, if it is there")
	if err := f.Parse(list); err != nil {
		return a, misused(err)
	}
	if f.NArg() != 2 {
		return a, misused(fmt.Errorf("it is called as `fetch maas://… FOLDER`, with two arguments, and was with %d", f.NArg()))
	}
	var err error
	a.folder = f.Arg(1)
	a.from, err = objects.ParseURI(f.Arg(0))
	return a, err
}

// misused returns an Invalid error for a mistake in the program's arguments or configuration.
func misused(err error) error {
	return fault.New(fault.Invalid, "the fetch of the model's files is not configured as it must be: "+err.Error(), fault.Cause(err))
}

// status returns the exit status for an error: Differs if the store does not hold the version as it was published, Misused for wrong arguments
// or configuration, and 1 for all else.
func status(err error) int {
	if objects.AsDamage(err) != nil {
		return termination.Differs
	}
	switch fault.KindOf(err) {
	case fault.Unprocessable: // a manifest that no version should have
		return termination.Differs
	case fault.Invalid:
		return termination.Misused
	default:
		return 1
	}
}

// environment returns the process's environment variables.
func environment() map[string]string {
	vars := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	return vars
}
