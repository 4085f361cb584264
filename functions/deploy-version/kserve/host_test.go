package kserve

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/client/clientset/versioned/fake"
	"github.com/kserve/kserve/pkg/constants"
	"go.uber.org/goleak"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fakepods "k8s.io/client-go/kubernetes/fake"
	cluster "k8s.io/client-go/testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// world is a model, and a cluster whose API alone is there: what KServe would do, the test does.
type world struct {
	*catalogtest.World

	t       *testing.T
	model   ref.Model
	host    *Host
	cluster *fake.Clientset
	pods    *fakepods.Clientset
}

const namespace = "maas-models"

func newWorld(t *testing.T) world {
	t.Helper()
	w := catalogtest.New(t)
	kserve, kubernetes := fake.NewSimpleClientset(), fakepods.NewClientset()
	kserve.PrependReactor("create", "inferenceservices", func(action cluster.Action) (bool, runtime.Object, error) {
		action.(cluster.CreateAction).GetObject().(*v1beta1.InferenceService).CreationTimestamp = metav1.Now() // as a server would
		return false, nil, nil
	})
	return world{w, t, w.Model("fraud"), &Host{
		deployments: w.Deployments, services: kserve.ServingV1beta1().InferenceServices(namespace), pods: kubernetes.CoreV1().Pods(namespace),
		rollout: rollout{most: 100},
		maker:   maker{namespace: namespace, mode: Knative, concurrency: 8, startTime: time.Hour * 1e6, rule: usual},
		log:     slog.New(slog.DiscardHandler),
	}, kserve, kubernetes}
}

// run is what any event of the version causes.
func (w world) run(version uuid.UUID) {
	w.t.Helper()
	w.must(w.Deployments.Run(w.t.Context(), w.host, version))
}

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// show makes the cluster show of the version what it once showed of another.
func (w world) show(version uuid.UUID, name string) {
	w.t.Helper()
	shown := seen(w.t, name, 0)
	service := w.service(version)
	service.Status = shown.service.Status
	_, err := w.host.services.UpdateStatus(w.t.Context(), service, metav1.UpdateOptions{})
	w.must(err)
	w.clear()
	for _, pod := range shown.pods {
		pod.Namespace, pod.Labels = namespace, map[string]string{constants.InferenceServicePodLabelKey: service.Name}
		_, err := w.host.pods.Create(w.t.Context(), &pod, metav1.CreateOptions{})
		w.must(err)
	}
}

// shown publishes a version, which the cluster shows as it once showed another when it is looked at for the second time.
func (w world) shown(name string) uuid.UUID {
	w.t.Helper()
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	w.show(id, name)
	w.run(id)
	return id
}

// clear takes all pods away.
func (w world) clear() {
	w.t.Helper()
	list, err := w.host.pods.List(w.t.Context(), metav1.ListOptions{})
	w.must(err)
	for _, pod := range list.Items {
		w.must(w.host.pods.Delete(w.t.Context(), pod.Name, metav1.DeleteOptions{}))
	}
}

func (w world) service(version uuid.UUID) *v1beta1.InferenceService {
	w.t.Helper()
	service, err := w.host.services.Get(w.t.Context(), name(version), metav1.GetOptions{})
	w.must(err)
	return service
}

func (w world) assertGone(version uuid.UUID) {
	w.t.Helper()
	if _, err := w.host.services.Get(w.t.Context(), name(version), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		w.t.Errorf("the InferenceService is still there: %v", err)
	}
}

// writes counts what was asked of the API about InferenceServices, by verb.
func (w world) writes(verb string) (n int) {
	for _, action := range w.cluster.Actions() {
		if action.Matches(verb, "inferenceservices") && action.GetSubresource() == "" {
			n++
		}
	}
	return n
}

func (w world) assertState(selector string, status api.DeploymentStatus, reason string) api.Deployment {
	w.t.Helper()
	v, err := w.Catalog.GetVersion(w.t.Context(), w.Owner, api.VersionRequest{Model: w.model, Ref: catalogtest.Ref(selector)})
	w.must(err)
	if v.Deployment.Status != status || !strings.Contains(v.Deployment.Reason, reason) {
		w.t.Errorf("it is %s (%s), want %s (%s)", v.Deployment.Status, v.Deployment.Reason, status, reason)
	}
	return v.Deployment
}

func TestAPublishedVersionStartsAndSleepsAndWakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	steps := []struct {
		shown string
		want  api.DeploymentStatus
	}{
		{"", api.DeploymentPending},
		{"no-room", api.DeploymentPending},
		{"starting", api.DeploymentStarting},
		{"ready", api.DeploymentReady},
		{"idle", api.DeploymentIdle},
		{"waking", api.DeploymentIdle},
		{"ready", api.DeploymentReady},
	}
	for _, step := range steps {
		if step.shown != "" {
			w.show(id, step.shown)
		}
		for range 2 { // an event may come twice
			w.run(id)
		}
		w.assertState("1.0.0", step.want, "")
	}
	if w.writes("create") != 1 || w.writes("update") != 0 {
		t.Error("the InferenceService was written more than once")
	}
	w.AssertWrote(event.DeploymentReady{}, 1)
	if got := w.Alias(w.model, "latest"); got != "1.0.0" {
		t.Errorf("latest leads to %q", got)
	}
	spec, err := w.Deployments.SpecOf(t.Context(), w.Owner.Tenant, id)
	w.must(err)
	if model := w.service(id).Spec.Predictor.Model; *model.StorageURI != spec.Manifest || *model.Runtime != "maas-onnx" {
		t.Errorf("%+v", model)
	}
}

func TestWhileNothingHasRoomTheRowSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shown("no-room")
	w.assertState("1.0.0", api.DeploymentPending, "no node has room for it (cpu 64")
}

func TestAStartThatNobodySawIsToldWhenItIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shown("idle") // it started and went to sleep meanwhile
	w.assertState("1.0.0", api.DeploymentIdle, "")
	w.AssertWrote(event.DeploymentReady{}, 1)
}

func TestDamageOfTheStoreIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.shown("differs"))
	if n := w.Count("select count(*) from audit_entries where action = 'version.damaged' and why like '%hash to%'"); n != 1 {
		t.Errorf("%d entries of the audit log say that the store is damaged", n)
	}
}

func TestWhatCannotStartIsTakenAwayAndItsReasonStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.shown("not-a-model")
	w.run(id)
	w.assertState("1.0.0", api.DeploymentFailed, "its model cannot be loaded: there is no ONNX model")
	w.assertGone(id)
	w.AssertWrote(event.DeploymentFailed{}, 1)
	if n := w.Count("select count(*) from audit_entries where action = 'deployment.failed' and why like 'its model cannot be loaded%'"); n != 1 {
		t.Errorf("%d entries of the audit log say why", n)
	}
	var options metav1.DeleteOptions
	for _, action := range w.cluster.Actions() {
		if deletion, ok := action.(cluster.DeleteActionImpl); ok && options.Preconditions == nil {
			options = deletion.DeleteOptions
		}
	}
	if *options.PropagationPolicy != metav1.DeletePropagationForeground || options.Preconditions == nil || options.Preconditions.ResourceVersion == nil {
		t.Errorf("it is deleted with %+v", options)
	}
}

func TestWhatDidNotStartInItsTimeIsStartedAnewAfterAPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.shown("store-away")
	if d := w.assertState("1.0.0", api.DeploymentStarting, "the store does not answer"); d.Failure != "passing" || d.Attempts < 1 {
		t.Errorf("while Kubernetes tries again: %+v", d)
	}
	w.host.maker.startTime = time.Nanosecond // the pods of testdata are old
	w.run(id)
	d := w.assertState("1.0.0", api.DeploymentStarting, "the store does not answer")
	if d.Failure != "passing" || d.RetryAt == nil {
		t.Errorf("after its time: %+v", d)
	}
	w.assertGone(id)
	w.clear()
	w.owner("update deployments set retry_at = now() + interval '1 hour' where version_id = $1", id)
	w.run(id)
	w.assertGone(id)

	w.host.maker.startTime = time.Hour * 1e6
	w.owner("update deployments set retry_at = now() - interval '1 second' where version_id = $1", id)
	w.run(id)
	w.show(id, "ready")
	w.run(id)
	w.assertState("1.0.0", api.DeploymentReady, "")
	w.AssertWrote(event.DeploymentFailed{}, 0)
}

func (w world) owner(sql string, arguments ...any) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, arguments...)
		return err
	})
}

func TestARetiredVersionIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.shown("ready")
	w.Ready(w.model, "1.1.0")
	_, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: w.model, Version: catalogtest.Version("1.0.0")})
	w.must(err)
	for range 2 {
		w.run(id)
	}
	if got, err := w.Deployments.StatusOf(t.Context(), w.Owner.Tenant, id); err != nil || got != api.DeploymentRemoved {
		t.Errorf("it is %s, %v", got, err)
	}
	w.assertGone(id)
}

func TestAVersionThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.shown("ready")
	w.must(w.host.services.Delete(t.Context(), name(id), metav1.DeleteOptions{}))
	w.clear()
	w.run(id)
	w.assertState("1.0.0", api.DeploymentPending, "")
	w.show(id, "ready")
	w.run(id)
	w.assertState("1.0.0", api.DeploymentReady, "")
}

func TestOneThatIsBeingDeletedIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	leaving := w.service(id)
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	_, err := w.host.services.Update(t.Context(), leaving, metav1.UpdateOptions{})
	w.must(err)
	faulttest.AssertKind(t, w.Deployments.Run(t.Context(), w.host, id), fault.Unavailable)
	if all, err := w.host.Running(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("it counts as running: %v, %v", all, err)
	}
}

func TestStraysAreFoundByTheirLabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Published(w.model, "1.0.0")
	w.run(id)
	stray, err := w.host.maker.service(fraud())
	w.must(err)
	stray.Name = name(uuid.New())
	foreign := &v1beta1.InferenceService{ObjectMeta: metav1.ObjectMeta{Name: "sklearn-iris", Namespace: namespace}}
	for _, service := range []*v1beta1.InferenceService{stray, foreign} {
		_, err := w.host.services.Create(t.Context(), service, metav1.CreateOptions{})
		w.must(err)
	}
	w.must(w.Deployments.Reconcile(t.Context(), w.host))
	list, err := w.host.services.List(t.Context(), metav1.ListOptions{})
	w.must(err)
	var names []string
	for _, service := range list.Items {
		names = append(names, service.Name)
	}
	if want := "sklearn-iris " + name(id); strings.Join(names, " ") != want {
		t.Errorf("the cluster has %v, want %s", names, want)
	}
}

func TestTheSpecOfAVersionThatNobodyUnderstandsFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := fraud()
	s.Tenant, s.VersionID, s.Resources = w.Owner.Tenant, w.Published(w.model, "1.0.0"), json.RawMessage(`{"cpu": "lots"}`)
	w.must(w.Deployments.Request(t.Context(), s.Tenant, s.VersionID, ""))
	w.must(w.host.Start(t.Context(), s))
	w.assertState("1.0.0", api.DeploymentFailed, "its resources cannot be read")
}
