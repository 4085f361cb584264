//go:build cluster

package cluster

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestTheAPIServerTakesWhatIsNotAppliedHere asks it, and the webhooks of Knative and KServe, what they think of the manifests for elsewhere.
func TestTheAPIServerTakesWhatIsNotAppliedHere(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"overlays/production", "runtimes/more"} {
		text, err := exec.CommandContext(t.Context(), "kustomize", "build", "../../knative/"+folder).Output()
		e2etest.Must(t, err)
		var asked []string
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			if !strings.Contains(document, "\nkind: Broker\n") { // there is one of another class, and it cannot be changed
				asked = append(asked, strings.ReplaceAll(document, "ko://github.com/17882237881/MaaS/", "example.com/"))
			}
		}
		_, err = e2etest.TryKubectl(t.Context(), strings.Join(asked, "\n---\n"), "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-")
		if err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
