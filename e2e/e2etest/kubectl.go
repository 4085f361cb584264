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

// TryKubectl runs kubectl with something on its stdin, and returns what it wrote.
func TryKubectl(ctx context.Context, stdin string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", arguments...)
	var out, wrong bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &wrong
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, wrong.String())
	}
	return out.String(), nil
}

// Kubectl is TryKubectl where a failure is the test's. It may be called in a cleanup.
func Kubectl(t testing.TB, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := TryKubectl(ctx, "", arguments...)
	Must(t, err)
	return out
}
