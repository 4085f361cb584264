//go:build !cluster

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/formatstest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// given is the memory of a model server of a small model in these tests.
const given = 384 << 20

// mapped is what a model server holds beside its memory: files, above all ONNX Runtime's library.
const mapped = 64 << 20

// modest starts a host whose model servers are given little.
func modest(t *testing.T, more ...string) *e2etest.Host {
	t.Helper()
	return e2etest.UpOn(t, e2etest.Folder(t), append(more, fmt.Sprint("MAAS_MODEL_MEMORY_BASE=", given))...)
}

// model writes a model into a file and returns its path.
func model(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	e2etest.Must(t, os.WriteFile(path, content, 0o600))
	return path
}

// TestARunThatFillsTheMemoryFailsAlone has a model fill 3.1 GB for an input of one number, again and again.
func TestARunThatFillsTheMemoryFailsAlone(t *testing.T) {
	h := modest(t)
	innocent, attacker := inferring(t, e2etest.Register(t, h.URL)), e2etest.Register(t, h.URL)
	attacker.Maas("push", attacker.Of("filling")+"@1.0.0", model(t, formatstest.Filling())).Ends(0, "verified")
	attacker.Maas("publish", attacker.Of("filling")+"@1.0.0").Ends(0, "latest")
	site, servers := attacker.Site(), watchServers(t, h)
	call := func(ctx context.Context, count int) (status int, text string) {
		body := fmt.Sprintf(`{"inputs": [{"name": "n", "shape": [1], "datatype": "INT64", "data": [%d]}]}`, count)
		answer, err := site.Call(ctx, "/v2/models/"+attacker.Of("filling")+"/infer", strings.NewReader(body), 0)
		if err != nil {
			return 0, err.Error()
		}
		defer answer.Body.Close()
		said, _ := io.ReadAll(answer.Body) // what is missing is not found in it
		return answer.StatusCode, string(said)
	}
	refused := 0
	unharmed(t, innocent, func(ctx context.Context) {
		for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); {
			status, text := call(ctx, 775_000_000)
			if status != http.StatusUnprocessableEntity || !strings.Contains(text, "needed more memory than the 384 MiB") {
				t.Errorf("it is answered %d: %s", status, text)
				return
			}
			refused++
		}
	})
	t.Logf("%d calls were refused", refused)
	servers.within(given + mapped)
	if status, text := call(t.Context(), 10); status != http.StatusOK {
		t.Errorf("a small call is answered %d: %s", status, text)
	}
}

// TestAStartThatFoldsConstantsIsEnded publishes some kilobytes whose start computes gigabytes, and some whose start computes for minutes.
func TestAStartThatFoldsConstantsIsEnded(t *testing.T) {
	h := modest(t, "MAAS_MODEL_LOAD=2s")
	innocent, attacker := inferring(t, e2etest.Register(t, h.URL)), e2etest.Register(t, h.URL)
	const large, long = "large", "long"
	files := map[string]string{large: model(t, formatstest.Folding(256, 2400)), long: model(t, formatstest.Folding(2880, 8))}
	reasons := map[string]string{large: "it needed more memory than the 384", long: "it needed more CPU time to load than the 2s"}
	for name, file := range files {
		attacker.Maas("push", attacker.Of(name)+"@1.0.0", file).Ends(0, "verified")
	}
	site, servers := attacker.Site(), watchServers(t, h)
	unharmed(t, innocent, func(ctx context.Context) {
		for name := range files {
			attacker.Maas("publish", attacker.Of(name)+"@1.0.0", "--no-wait").OK()
		}
		select { // both ends come meanwhile, on a machine that is not busy
		case <-time.After(4 * time.Second):
		case <-ctx.Done():
		}
	})
	for name, reason := range reasons {
		var v struct {
			Deployment struct{ Status, Reason, Failure string }
		}
		e2etest.Eventually(t, name+" is given up", time.Minute, func() bool {
			site.Must(functiontest.Request{Method: "GET", Path: "/v1/models/" + attacker.Of(name) + "/versions/1.0.0", Token: site.Token}, 200, &v)
			return v.Deployment.Failure == "lasting"
		})
		if !strings.Contains(v.Deployment.Reason, reason) || !strings.Contains(v.Deployment.Reason, "have the operator raise") {
			t.Errorf("the deployment of %s is %+v", name, v.Deployment)
		}
	}
	servers.within(given + mapped)
}

// TestRetireAndDeleteEndAStart takes versions away whose start would go on for minutes.
func TestRetireAndDeleteEndAStart(t *testing.T) {
	h := modest(t, "MAAS_MODEL_LOAD=1h")
	u := e2etest.Register(t, h.URL)
	file, site := model(t, formatstest.Folding(4096, 100)), u.Site()
	ends := map[string]func(){
		"retired": func() { u.Maas("retire", u.Of("retired")+"@1.0.0").OK() },
		"deleted": func() {
			site.Must(functiontest.Request{Method: "DELETE", Path: "/v1/models/" + u.Of("deleted") + "?force=true", Token: site.Token}, 204, nil)
		},
	}
	for name, end := range ends {
		u.Maas("push", u.Of(name)+"@1.0.0", file).Ends(0, "verified")
		u.Maas("publish", u.Of(name)+"@1.0.0", "--no-wait").OK()
		e2etest.Eventually(t, "its server starts", time.Minute, func() bool { return len(serversOf(t, h)) == 1 })
		end()
		began := time.Now()
		e2etest.Eventually(t, "its server is gone", 5*time.Second, func() bool { return len(serversOf(t, h)) == 0 })
		t.Logf("the start of one that was %s ended after %s", name, time.Since(began).Round(time.Millisecond))
	}
}

// serversOf returns the process ids of a host's model servers.
func serversOf(t *testing.T, h *e2etest.Host) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	e2etest.Must(t, err)
	for _, path := range all {
		text, _ := os.ReadFile(path) // it may be gone
		if bytes.Contains(text, []byte("maas-onnx")) && bytes.Contains(text, []byte(filepath.Join(h.Data, "models"))) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// servers watches what the model servers of a host hold.
type servers struct {
	t    *testing.T
	stop context.CancelFunc
	most chan int64
}

// watchServers samples the memory of the host's model servers until the test asks. The kernel keeps the peak of each process, so only the last growth of
// one that ends between two samples is missed.
func watchServers(t *testing.T, h *e2etest.Host) servers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := servers{t, cancel, make(chan int64, 1)}
	go func() { // ends with within, or with the test
		var most int64
		for ctx.Err() == nil {
			for _, pid := range serversOf(t, h) {
				most = max(most, peakOf(pid))
			}
			time.Sleep(50 * time.Millisecond)
		}
		s.most <- most
	}()
	return s
}

// within fails the test if a model server held more than so many bytes.
func (s servers) within(bound int64) {
	s.t.Helper()
	s.stop()
	most := <-s.most
	s.t.Logf("a model server held %d MiB at most, files included, where it is given %d MiB", most>>20, given>>20)
	if most == 0 || most > bound {
		s.t.Errorf("a model server held %d bytes, where %d are allowed", most, bound)
	}
}

// peakOf returns the most that a process has held, 0 if it is gone.
func peakOf(pid string) int64 {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
