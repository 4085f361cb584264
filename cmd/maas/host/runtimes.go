package host

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/confine"
	"github.com/17882237881/MaaS/cmd/maas/localruntime"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// runtimeHost is the runtimes of this machine: the consumer of deploy-version's events, and the listener behind which the models answer.
type runtimeHost struct {
	http.Handler // the consumer

	supervisor *localruntime.Supervisor
	listener   *listener
}

type runtimeConfig struct {
	Program   string        `env:"MAAS_ONNX_RUNTIME"` // path of maas-onnx; default: beside this program
	IdleAfter time.Duration `env:"MAAS_RUNTIME_IDLE" envDefault:"60s"`
}

const onnxRuntime = "maas-onnx"

// startRuntimes starts the supervisor of the model servers and its listener, and subscribes it to deploy-version's events. It fails if
// maas-onnx is not found.
func (h *Host) startRuntimes(ctx context.Context, o Options, db *postgres.DB) error {
	var c runtimeConfig
	if err := h.env.Config(&c); err != nil {
		return err
	}
	program, err := findProgram(c.Program)
	if err != nil {
		return err
	}
	folder, err := o.Folder.Sub("models")
	if err != nil {
		return err
	}
	sockets, err := o.Folder.Sockets()
	if err != nil {
		return err
	}
	if h.models.listener, err = bindSocket(ctx, "models", filepath.Join(sockets, "models.sock")); err != nil {
		return err
	}
	view := h.env.For(string(cloudevent.DeployVersion))
	store, err := objects.Open(ctx, view)
	if err != nil {
		return err
	}
	receiver, err := outbox.NewReceiver(view, db.As(postgres.Deployment), cloudevent.DeployVersion)
	if err != nil {
		return err
	}
	deployments, err := deployment.Open(ctx, view)
	if err != nil {
		return err
	}
	rule, err := deployment.OpenAllowanceRule(view)
	if err != nil {
		return err
	}
	if rule.MemoryLargest == 0 {
		rule.MemoryLargest = confine.Memory() / 4 * 3 // the rest is this process's, the stores' and the system's
	}
	h.models.supervisor = localruntime.New(localruntime.Options{
		Deployments: deployments, Store: store, Folder: folder, Sockets: sockets, Endpoint: h.models.listener.URL(), IdleAfter: c.IdleAfter, Log: o.Log,
		Allowance: rule, Programs: localruntime.Programs{onnxRuntime: {Path: program}},
	})
	deployments.Subscribe(receiver, h.models.supervisor)
	h.models.Handler = receiver
	return h.models.listener.serve(h.env, h.models.supervisor.Activator(), o.Log)
}

// stopRuntimes stops the models' listener and the supervisor, as far as they were started.
func (h *Host) stopRuntimes(ctx context.Context) {
	if h.models.listener != nil {
		h.models.listener.stop(ctx)
	}
	if h.models.supervisor != nil {
		h.models.supervisor.Close(ctx)
	}
}

// findProgram returns the path of maas-onnx: given, or if that is "" the one beside this program. It fails if there is no file at the path.
func findProgram(given string) (string, error) {
	path := given
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find the model runtime: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), onnxRuntime)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the model runtime is not at %s: run `make build`, or set MAAS_ONNX_RUNTIME: %w", path, err)
	}
	return path, nil
}
