//go:build cluster

package reproducible

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestTwoBuildsGiveOneDigest builds a static program and one that links C, here and in another folder with nothing compiled before.
func TestTwoBuildsGiveOneDigest(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"functions/login/cmd/login", "runtimes/onnx"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			here := build(t, root, program)

			there := build(t, copied(t), program, "GOCACHE="+t.TempDir(), "KOCACHE="+t.TempDir())

			if here != there {
				t.Errorf("the image is %s, and %s elsewhere", here, there)
			}
		})
	}
}

// build returns the image of a program by its digest.
func build(t *testing.T, folder, program string, environment ...string) string {
	t.Helper()
	tools, err := filepath.Abs(filepath.Join(root, ".cache", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tools/images", program)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, environment...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tools/images %s: %v", program, err)
	}
	_, image, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || !strings.Contains(image, "@sha256:") {
		t.Fatalf("tools/images says %q", out)
	}
	return image
}

// copied returns a folder with the tree as git would have it, and its history, which images tell of.
func copied(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	const script = `{ echo -n .git; printf '\0'; git ls-files -z --cached --others --exclude-standard; } |
		tar --null --files-from - --ignore-failed-read --create --file - | tar --extract --file - --directory "$1"`
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script, "copy", folder)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the tree: %v: %s", err, out)
	}
	return folder
}
