// Command new-function makes functions/NAME, ready to build, test, run and deploy, and adds it to go.work: go run ./tools/new-function NAME
//
// It is run in the repository's root.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "new-function:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("one name is needed: make new-function NAME=x")
	}
	return create(ctx, ".", arguments[0])
}
