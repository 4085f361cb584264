package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// asProgram in the environment makes the test binary the program itself: tests run it as others do, and it finds itself for s3-server.
const asProgram = "MAAS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program returns the maas command with arguments, ended by the end of ctx. It knows nothing of the servers that the tests are given.
func program(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], arguments...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesServer), asProgram+"=1")
	return cmd
}

func namesServer(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	return name == "DATABASE_URL" || name == "MIGRATE_DATABASE_URL" || name == "REDIS_URL" || strings.HasPrefix(name, "S3_")
}
