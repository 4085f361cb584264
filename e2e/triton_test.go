package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTritonsClientCallsAModel shows that what speaks to a Triton server speaks to MaaS: the protocol's own client, by both of its ways.
func TestTritonsClientCallsAModel(t *testing.T) {
	t.Parallel()
	python := triton(t)
	u := register(t, server(t))
	u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ok()
	u.maas("publish", u.of("digits")+"@1.0.0").ok()
	var key struct{ Secret string }
	u.maas("keys", "create", "triton", "--scope", "inference:execute", "--output", "json").ok().read(&key)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := strings.TrimPrefix(server(t), "http://")
	text, err := exec.CommandContext(ctx, python, data("triton.py"), address, u.of("digits"), key.Secret, "testdata").CombinedOutput()
	if err != nil {
		t.Errorf("tritonclient: %v\n%s", err, text)
	}
}

// triton gives a Python that has tritonclient. The first test on a machine fetches it, into a folder that stays.
func triton(t *testing.T) string {
	t.Helper()
	requirements := content(t, "requirements.txt")
	sum := sha256.Sum256(requirements)
	folder, err := filepath.Abs("../.cache/tritonclient-" + hex.EncodeToString(sum[:6]))
	must(t, err)
	python := filepath.Join(folder, "bin", "python")
	complete := filepath.Join(folder, "complete")
	if _, err := os.Stat(complete); err == nil {
		return python
	}
	must(t, os.RemoveAll(folder))
	for _, command := range [][]string{
		{"python3", "-m", "venv", folder},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", data("requirements.txt")},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		text, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, text)
		}
	}
	must(t, os.WriteFile(complete, nil, 0o600))
	return python
}
