package main

import (
	"context"
	"os"
	"os/exec"
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

// program is the maas command with arguments, ended by the end of ctx.
func program(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], arguments...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}
