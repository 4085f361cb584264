//go:build !cluster

package field

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// deployment is what the API says of a version's.
type deployment struct {
	Deployment struct {
		Status, Reason, Failure string
		Attempts                int
	}
}

// TestAStartThatFailsForAPassingReasonIsRetriedUntilItSucceeds has no room for the files of models when a version is published, and gives it later.
func TestAStartThatFailsForAPassingReasonIsRetriedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	data := e2etest.Folder(t)
	ballast := fullDisk(t, filepath.Join(data, "models"))
	h := e2etest.UpOn(t, data, "MAAS_DEPLOYMENT_RETRY=2s")
	u := e2etest.Register(t, h.URL)
	api, path := u.Site(), "/v1/models/"+u.Of("digits")+"/versions/1.0.0"
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	u.Maas("publish", u.Of("digits")+"@1.0.0", "--no-wait").OK()

	var v deployment
	t.Cleanup(func() { t.Logf("the deployment was last %+v", v.Deployment) })
	e2etest.Eventually(t, "the failure is shown as passing", time.Minute, func() bool {
		api.Must(functiontest.Request{Method: "GET", Path: path, Token: api.Token}, 200, &v)
		return v.Deployment.Failure != ""
	})
	if v.Deployment.Status != "starting" || v.Deployment.Failure != "passing" || v.Deployment.Attempts < 1 || v.Deployment.Reason != "the disk is full" {
		t.Errorf("the deployment is %+v", v.Deployment)
	}
	e2etest.Eventually(t, "a call is told when to come again", time.Minute, func() bool {
		answer := api.Do(functiontest.Request{Method: "GET", Path: "/v2/models/" + u.Of("digits") + "/versions/1.0.0/ready", Token: api.Token})
		return answer.Status == 503 && answer.Header.Get("Retry-After") != ""
	})

	e2etest.Must(t, os.Remove(ballast))
	u.Maas("publish", u.Of("digits")+"@1.0.0").Ends(0, "latest")
	u.Infers(u.Of("digits"), "digits")
}

// fullDisk mounts a folder of a disk of 1 MiB in memory, which is full, at a path. It gives the file beside the folder that fills the disk.
func fullDisk(t *testing.T, path string) (ballast string) {
	t.Helper()
	disk := e2etest.Folder(t)
	mount(t, disk, "-t", "tmpfs", "-o", "size=1m,mode=0700", "maas-"+rand.Text())
	folder := filepath.Join(disk, "models")
	e2etest.Must(t, os.Mkdir(folder, 0o700))
	mount(t, path, "--bind", folder)
	ballast = filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err == nil {
		t.Fatal("the disk has more room than it should")
	}
	return ballast
}

// mount mounts something at a path until the test ends.
func mount(t *testing.T, path string, arguments ...string) {
	t.Helper()
	e2etest.Must(t, os.MkdirAll(path, 0o700))
	if text, err := exec.CommandContext(t.Context(), "mount", append(arguments, path)...).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, text)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", path).Run() })
}
