package e2etest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TryKubectl runs kubectl with the text as its stdin, and returns what it wrote to stdout. If kubectl fails, so does it, with what it wrote to
// stderr.
func TryKubectl(ctx context.Context, stdin string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", arguments...)
	var out, wrong bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &wrong
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, wrong.String())
	}
	return out.String(), nil
}

// Kubectl is TryKubectl, without stdin, that ends the test if kubectl fails. It waits at most a minute, and may be called in a cleanup.
func Kubectl(t testing.TB, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := TryKubectl(ctx, "", arguments...)
	Must(t, err)
	return out
}
