package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryImageOfTheManifestsIsBuilt finds the manifest that names a program that is not there, or none that tools/images builds.
func TestEveryImageOfTheManifestsIsBuilt(t *testing.T) {
	t.Parallel()
	built := regexp.MustCompile(`^(functions/[a-z-]+/cmd/[a-z-]+|cmd/maas|runtimes/[a-z-]+)$`)

	for _, file := range tracked(t, "knative/*.yaml") {
		for _, image := range regexp.MustCompile(`ko://[^\s"]+`).FindAllString(string(read(t, file)), -1) {
			folder := strings.TrimPrefix(image, "ko://"+ours)
			if _, err := os.Stat(filepath.Join(root, folder, "main.go")); err != nil || !built.MatchString(folder) {
				t.Errorf("%s: %s is no program with an image", file, image)
			}
		}
	}
}
