package stores

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/cmd/maas/s3server"
)

// TestMain is the S3 server's process, and the parent that a test kills, too.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "s3-server":
		err = s3server.Main(context.Background(), os.Args[2:])
	case len(os.Args) > 2 && os.Args[1] == "parent":
		err = parent(os.Args[2])
	default:
		goleak.VerifyTestMain(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parent starts the servers on a folder, prints their variables and runs until its input ends.
func parent(data string) error {
	folder, err := Hold(data, "test parent")
	if err != nil {
		return err
	}
	s, err := Start(context.Background(), folder, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(s.Environ(), "\n") + "\n")
	_, err = io.Copy(io.Discard, os.Stdin)
	s.Stop(context.Background())
	return err
}

// hold takes a folder that the test's end lets go.
func hold(t *testing.T, path string) *Folder {
	t.Helper()
	folder, err := Hold(path, "a test")
	must(t, err)
	t.Cleanup(func() { must(t, folder.Close()) })
	return folder
}

// begin starts the servers on a folder until the test's end, without a look at the environment.
func begin(t *testing.T, folder *Folder, environment ...string) *Stores {
	t.Helper()
	s, err := Start(t.Context(), folder, options(t, environment...))
	must(t, err)
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s
}

func options(t *testing.T, environment ...string) Options {
	t.Helper()
	return Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Fast: true, Environment: environment}
}

// query returns the one value that a statement answers with.
func query[T any](t *testing.T, address, statement string) T {
	t.Helper()
	var value T
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	must(t, conn.QueryRow(t.Context(), statement).Scan(&value))
	return value
}

func execute(t *testing.T, address, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), statement)
	must(t, err)
}

func openRedis(t *testing.T, address string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(address)
	must(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

// processesOn finds the live processes that have the path in their command line.
func processesOn(t *testing.T, path string) []string {
	t.Helper()
	text, _ := exec.Command("pgrep", "-a", "-f", path).Output() // it fails where it finds none
	var found []string
	for line := range strings.Lines(string(text)) {
		found = append(found, strings.TrimSpace(line))
	}
	return found
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
