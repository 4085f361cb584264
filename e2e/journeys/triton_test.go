package journeys

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

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestTritonsClientCallsAModel shows that what speaks to a Triton server speaks to MaaS: the protocol's own client, by both of its ways.
func TestTritonsClientCallsAModel(t *testing.T) {
	t.Parallel()
	python := triton(t)
	u := the.Register(t)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).OK()
	u.Maas("publish", u.Of("digits")+"@1.0.0").OK()
	key := u.Key("inference:execute")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := strings.TrimPrefix(the.Server, "http://")
	text, err := exec.CommandContext(ctx, python, e2etest.Data("triton.py"), address, u.Of("digits"), key, filepath.Dir(e2etest.Data("triton.py"))).CombinedOutput()
	if err != nil {
		t.Errorf("tritonclient: %v\n%s", err, text)
	}
}

// triton returns a Python that has tritonclient. The first test on a machine fetches it, into a folder that stays.
func triton(t *testing.T) string {
	t.Helper()
	requirements := e2etest.Content(t, "requirements.txt")
	sum := sha256.Sum256(requirements)
	folder, err := filepath.Abs("../../.cache/tritonclient-" + hex.EncodeToString(sum[:6]))
	e2etest.Must(t, err)
	python := filepath.Join(folder, "bin", "python")
	complete := filepath.Join(folder, "complete")
	if _, err := os.Stat(complete); err == nil {
		return python
	}
	e2etest.Must(t, os.RemoveAll(folder))
	for _, command := range [][]string{
		{"python3", "-m", "venv", folder},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", e2etest.Data("requirements.txt")},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		text, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, text)
		}
	}
	e2etest.Must(t, os.WriteFile(complete, nil, 0o600))
	return python
}
