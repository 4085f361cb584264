package kserve

import (
	"errors"
	"sync"
	"testing"

	"github.com/kserve/kserve/pkg/constants"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	cluster "k8s.io/client-go/testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestAnotherSpecIsWrittenAndWhatOthersSaidStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	noted := w.service(id)
	noted.Annotations["example.com/note"] = "hands off"
	_, err := w.host.services.Update(t.Context(), noted, metav1.UpdateOptions{})
	w.must(err)

	w.host.maker.concurrency = 4
	w.run(id)
	if got := w.service(id); *got.Spec.Predictor.ScaleTarget != 4 || got.Annotations["example.com/note"] == "" {
		t.Errorf("%+v", got)
	}

	w.host.maker.mode = Standard // KServe lets no one change it
	faulttest.AssertKind(t, w.Deployments.Run(t.Context(), w.host, id), fault.Unavailable)
	w.run(id)
	if got := w.service(id).Annotations[constants.DeploymentMode]; got != "Standard" {
		t.Errorf("its mode is %s", got)
	}
}

func TestARefusedChangeLeavesWhatServesAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	w.show(id, "ready")
	w.run(id)
	w.cluster.PrependReactor("update", "inferenceservices", func(cluster.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewBadRequest("the timeout is too long")
	})
	w.host.maker.concurrency = 4
	if w.Deployments.Run(t.Context(), w.host, id) == nil {
		t.Error("nobody hears of it")
	}
	w.assertState("1.0.0", api.DeploymentReady, "")
}

func TestDeliveriesAtTheSameTimeMakeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.Deployments.Run(t.Context(), w.host, id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.assertState("1.0.0", api.DeploymentPending, "")
	if n := w.writes("update"); n != 0 {
		t.Errorf("%d updates", n)
	}
}

func TestAConflictIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	conflicts := 2
	w.cluster.PrependReactor("update", "inferenceservices", func(cluster.Action) (bool, runtime.Object, error) {
		conflicts--
		return conflicts >= 0, nil, apierrors.NewConflict(schema.GroupResource{}, name(id), errors.New("it has changed"))
	})
	w.host.maker.concurrency = 4
	w.run(id)
	if got := *w.service(id).Spec.Predictor.ScaleTarget; got != 4 {
		t.Errorf("the target is %d", got)
	}
}

func TestAnOutageOfTheClusterIsNobodysFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	refusal := errors.New("dial tcp: connection refused")
	w.cluster.PrependReactor("*", "inferenceservices", func(cluster.Action) (bool, runtime.Object, error) { return refusal != nil, nil, refusal })
	faulttest.AssertKind(t, w.Deployments.Run(t.Context(), w.host, id), fault.Unavailable)
	faulttest.AssertKind(t, w.Deployments.Reconcile(t.Context(), w.host), fault.Unavailable)
	w.assertState("1.0.0", api.DeploymentPending, "")

	refusal = apierrors.NewForbidden(schema.GroupResource{}, name(id), errors.New("no such right"))
	faulttest.AssertKind(t, w.Deployments.Run(t.Context(), w.host, id), fault.Internal)
	refusal = apierrors.NewForbidden(schema.GroupResource{}, name(id), errors.New(`admission webhook "x" denied the request: the name is too long`))
	w.run(id)
	w.assertState("1.0.0", api.DeploymentFailed, "denied the request: the name is too long")
}
