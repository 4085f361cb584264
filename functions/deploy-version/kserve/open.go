package kserve

import (
	"context"
	"errors"
	"fmt"
	"time"

	services "github.com/kserve/kserve/pkg/client/clientset/versioned/typed/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	pods "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/env"
)

// Mode is what KServe makes of an InferenceService.
type Mode string

// The modes.
const (
	Knative  Mode = Mode(constants.Knative)  // a Knative Service, which is scaled by calls, to zero too
	Standard Mode = Mode(constants.Standard) // a Deployment, of one replica or more
)

// UnmarshalText checks a mode.
func (m *Mode) UnmarshalText(text []byte) error {
	*m = Mode(text)
	if *m != Knative && *m != Standard {
		return fmt.Errorf("%q is no deployment mode: it is %s or %s", text, Knative, Standard)
	}
	return nil
}

type config struct {
	Kubeconfig  string        `env:"KUBECONFIG"` // of a cluster in which this process does not run
	Namespace   string        `env:"MAAS_MODELS_NAMESPACE" envDefault:"maas-models"`
	Mode        Mode          `env:"MAAS_DEPLOYMENT_MODE" envDefault:"Knative"`
	StartTime   time.Duration `env:"MAAS_DEPLOYMENT_START" envDefault:"10m"`     // the longest that the start of a small version may take
	Rollouts    int           `env:"MAAS_DEPLOYMENT_ROLLOUTS" envDefault:"3"`    // models that serve and get new pods at the same time
	Concurrency int32         `env:"MAAS_DEPLOYMENT_CONCURRENCY" envDefault:"8"` // calls under way at one replica, above which another is started
}

// ErrNoCluster is of a process that runs in no cluster and was told of none.
var ErrNoCluster = errors.New("no cluster is configured")

const (
	apiTime = 15 * time.Second // for one request to the API server
	// The API server bounds what we ask of it by itself (priority and fairness); client-go's own 5 requests a second would queue events.
	apiRate, apiBurst = 200, 400
)

// Open returns the host of the cluster that KUBECONFIG names, or that the process runs in. It fails with ErrNoCluster where there is none. What was
// lost while nobody looked, all of it in a new cluster, is made anew meanwhile.
func Open(e *env.Env, d *deployment.Deployments) (*Host, error) {
	var c config
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	if c.Rollouts < 1 {
		return nil, fmt.Errorf("MAAS_DEPLOYMENT_ROLLOUTS is %d: it must be 1 or more", c.Rollouts)
	}
	cluster, err := c.cluster()
	if err != nil {
		return nil, err
	}
	rule, err := deployment.OpenAllowanceRule(e)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(cluster)
	if err != nil {
		return nil, fmt.Errorf("kserve: %w", err)
	}
	kserve, err := services.NewForConfigAndClient(cluster, client)
	if err != nil {
		return nil, fmt.Errorf("kserve: %w", err)
	}
	kubernetes, err := pods.NewForConfigAndClient(cluster, client)
	if err != nil {
		return nil, fmt.Errorf("kserve: %w", err)
	}
	h := &Host{
		deployments: d, services: kserve.InferenceServices(c.Namespace), pods: kubernetes.Pods(c.Namespace), log: e.Logger(),
		rollout: rollout{most: c.Rollouts},
		maker:   maker{namespace: c.Namespace, mode: c.Mode, concurrency: c.Concurrency, startTime: c.StartTime, rule: rule},
	}
	e.Go(h.begin)
	return h, nil
}

// begin reconciles all deployments, again and again until none fails or waits for the rollout of others, or ctx ends. It logs what fails.
func (h *Host) begin(ctx context.Context) {
	failure := backoff.Backoff{First: 5 * time.Second, Longest: 5 * time.Minute}
	room := backoff.Backoff{First: rolloutPause, Longest: rolloutPause}
	for ctx.Err() == nil {
		err := h.deployments.Reconcile(ctx, h)
		pause := &failure
		switch waits := h.rollout.takeWaits(); {
		case err == nil && !waits:
			return
		case waits: // whatever else failed is tried again then, too
			h.log.InfoContext(ctx, "deployments wait for the rollout of others", "failed", err)
			pause = &room
		default:
			h.log.WarnContext(ctx, "not all deployments could be reconciled; they are tried again", "error", err)
		}
		_ = pause.Wait(ctx) // the loop's condition tells its error
	}
}

// cluster returns how to reach the API server of KUBECONFIG, or of the cluster that the process runs in. It fails with ErrNoCluster if there is
// neither.
func (c config) cluster() (*rest.Config, error) {
	var cluster *rest.Config
	var err error
	if c.Kubeconfig != "" {
		cluster, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	} else {
		cluster, err = rest.InClusterConfig()
	}
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, ErrNoCluster
	}
	if err != nil {
		return nil, fmt.Errorf("kserve: %w", err)
	}
	cluster.Timeout, cluster.QPS, cluster.Burst = apiTime, apiRate, apiBurst
	return cluster, nil
}
