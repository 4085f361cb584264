//go:build terraform

package terraform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAnInstallationComesAndGoes applies the environment to a cluster without MaaS, uses and changes what is there then, and destroys it.
func TestAnInstallationComesAndGoes(t *testing.T) { //nolint:paralleltest // a cluster has one
	i := newInstallation(t)
	i.apply()
	u := e2etest.Register(t, i.address())
	u.Patience = 5 * time.Minute
	story := []struct {
		part string
		run  func(*testing.T, *installation, *e2etest.User)
	}{
		{"the journey", journey},
		{"a second apply changes nothing", nothingToDo},
		{"no secret is in the state", noSecretInState},
		{"another state is told that the namespaces are taken", namespacesAreTaken},
		{"a changed size loses nothing", changedSize},
		{"a rotated login is picked up without a restart", rotatedLogin},
		{"the other passwords rotate", rotatedStores},
		{"a lost installation is restored", restored},
		{"destroy leaves nothing", destroyed},
	}
	for _, s := range story {
		if !t.Run(s.part, func(t *testing.T) { i.TB, u.TB = t, t; s.run(t, i, u) }) {
			return // what follows would fail for the same reason
		}
	}
}

// journey serves a model, and looks how functions come to the database, and what fetches models to the store.
func journey(t *testing.T, _ *installation, u *e2etest.User) {
	u.Serve("digits")
	if id := e2etest.Kubectl(t, "get", "secret/maas-store", "--namespace=maas-models", "--output=jsonpath={.data.access-key-id}"); id != base64.StdEncoding.EncodeToString([]byte("maas-reader-a")) {
		t.Errorf("what fetches models comes to the store as %s, in base64", id)
	}
	const open = "select count(*) from pg_stat_activity join pg_stat_ssl using (pid) where usename = 'maas_login_a' and not ssl"
	if without := psql(t, open); without != "0" {
		t.Errorf("%s connections are without TLS", without)
	}
}

func nothingToDo(t *testing.T, i *installation, _ *e2etest.User) {
	const changes = 2 // terraform plan -detailed-exitcode
	said, status := i.run(i.with("plan", ownState, "-detailed-exitcode")...)
	if status == changes {
		t.Errorf("there is something to do:\n%s", end(said))
	} else if status != 0 {
		t.Errorf("exit status %d:\n%s", status, end(said))
	}
}

// noSecretInState looks for each value of each Secret, and for the passwords within addresses.
func noSecretInState(t *testing.T, i *installation, _ *e2etest.User) {
	state, looked := i.state(), 0
	for _, namespace := range []string{"maas", "maas-models", "maas-stores"} {
		var list struct {
			Items []struct{ Data map[string]string }
		}
		e2etest.Must(t, json.Unmarshal([]byte(e2etest.Kubectl(t, "get", "secrets", "--namespace", namespace, "--output=json")), &list))
		for _, secret := range list.Items {
			for key, value := range secret.Data {
				text, err := base64.StdEncoding.DecodeString(value)
				e2etest.Must(t, err)
				if key == "access-key-id" || key == "ca.pem" || key == "tls.crt" {
					continue // no secret
				}
				for _, found := range append(passwords(string(text)), value, strings.TrimSpace(string(text))) {
					looked++
					if strings.Contains(state, found) {
						t.Errorf("the state has a value of %s, in namespace %s", key, namespace)
					}
				}
			}
		}
	}
	if looked < 20 || !strings.Contains(state, "maas-database-owner") {
		t.Errorf("looked for %d values in a state of %d bytes", looked, len(state))
	}
}

// passwords returns that of an address.
func passwords(text string) []string {
	_, after, isAddress := strings.Cut(text, "://")
	_, password, has := strings.Cut(after, ":")
	password, _, ends := strings.Cut(password, "@")
	if !isAddress || !has || !ends {
		return nil
	}
	return []string{password}
}

func namespacesAreTaken(t *testing.T, i *installation, _ *e2etest.User) {
	said, status := i.run(i.with("apply", "another.tfstate", "-auto-approve")...)
	for _, namespace := range []string{"maas", "maas-models", "maas-stores"} {
		if want := "The namespace " + namespace + " exists and is not of this state"; status == 0 || !strings.Contains(unwrapped(said), want) {
			t.Errorf("exit status %d, without %q:\n%s", status, want, end(said))
		}
	}
}

// end returns the last words of terraform, which says first what it would do.
func end(said string) string { return said[max(0, len(said)-4<<10):] }

// unwrapped returns what terraform said, without its frames and line breaks.
func unwrapped(said string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(said, "│", " ")), " ")
}

// changedSize has Postgres and the store roll while somebody goes on to make models: none that was answered is missing then, and the file of
// the version that was there is what it was.
func changedSize(t *testing.T, i *installation, u *e2etest.User) {
	i.more["sizes"] = map[string]string{"postgres": "medium", "object_storage": "medium"}
	s := u.Site()
	var made []string
	end := while(t, func() { made = append(made, makeModel(s, len(made))...) })
	i.apply()
	end()
	t.Logf("%d models were made meanwhile", len(made))

	for _, name := range made {
		s.Text("/v1/models/" + u.Of(name))
	}
	folder := t.TempDir()
	u.Maas("pull", u.Of("digits")+"@1.0.0", folder).OK()
	pulled, err := os.ReadFile(filepath.Join(folder, "digits.onnx"))
	e2etest.Must(t, err)
	if !bytes.Equal(pulled, e2etest.Content(t, "digits.onnx")) {
		t.Error("the model's file is another")
	}
	u.Infers(u.Of("digits"), "digits")
	limit := e2etest.Kubectl(t, "get", "statefulset/postgres", "--namespace=maas-stores", "--output=jsonpath={.spec.template.spec.containers[0].resources.limits.memory}")
	if limit != "2Gi" {
		t.Errorf("Postgres may take %s", limit)
	}
}

// while does something again and again, until end is called.
func while(t testing.TB, do func()) (end func()) {
	t.Helper()
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				do()
			}
		}
	}()
	end = sync.OnceFunc(func() { close(stop); <-ended })
	t.Cleanup(end)
	return end
}

// makeModel returns the name of the one that was made, if it was.
func makeModel(s e2etest.Site, n int) []string {
	name := fmt.Sprintf("while-%d", n)
	answer := s.Do(functiontest.Request{Method: http.MethodPost, Path: "/v1/models", Body: fmt.Sprintf(`{"name":%q}`, name), Token: s.Token})
	if answer.Status == http.StatusCreated || answer.Status == http.StatusConflict { // the answer to a request before was lost
		return []string{name}
	}
	return nil
}

// rotatedLogin holds that functions come as the next login by themselves, and that nobody is refused meanwhile.
func rotatedLogin(t *testing.T, i *installation, u *e2etest.User) {
	s := u.Site()
	s.Text("/v1/models")
	before := pods(t, "models")
	var refused []string
	end := while(t, func() {
		if answer := s.Do(functiontest.Request{Method: http.MethodGet, Path: "/v1/models", Token: s.Token}); answer.Status != http.StatusOK {
			refused = append(refused, fmt.Sprintf("%d at %s: %s", answer.Status, time.Now().Format(time.TimeOnly), answer.Body))
		}
	})
	i.more["revisions"] = map[string]int{"login": 2}
	i.apply()
	// kubelet looks at the Secrets of a changed pod at once. A pod that ends meanwhile is an error, which does not matter.
	_, _ = e2etest.TryKubectl(t.Context(), "", "annotate", "pods", "--namespace=maas", "--all", "maas.dev/synced-for=a-test")
	time.Sleep(10 * time.Second)
	end()
	if len(refused) > 0 {
		t.Errorf("%d requests failed, among them %s", len(refused), refused[0])
	}

	// Connections stay until they end; here they are ended.
	e2etest.Eventually(t, "a function comes as maas_login_b", 2*kubelets, func() bool {
		psql(t, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'maas_login_a'")
		s.Do(functiontest.Request{Method: http.MethodGet, Path: "/v1/models", Token: s.Token})
		return psql(t, "select count(*) from pg_stat_activity where usename = 'maas_login_b'") != "0"
	})
	s.Text("/v1/models")
	if after := pods(t, "models"); !strings.Contains(after, before) {
		t.Errorf("the pods of models were %q, and are %q", before, after)
	}
}

// kubelets is how long kubelet may take until pods have a Secret's new value (its sync period and the life of its cache).
const kubelets = 100 * time.Second

// pods returns those of a function, each with the number of its restarts.
func pods(t testing.TB, function string) string {
	t.Helper()
	return e2etest.Kubectl(t, "get", "pods", "--namespace=maas", "--selector=serving.knative.dev/service="+function,
		"--output=jsonpath={range .items[*]}{.metadata.name}{\" \"}{.status.containerStatuses[*].restartCount}{\"\\n\"}{end}")
}

// psql returns the answer of a query that has one.
func psql(t testing.TB, query string) string {
	t.Helper()
	return strings.TrimSpace(inPostgres(t, "", "psql", "--no-align", "--tuples-only", "--dbname=maas", "--command="+query))
}

// rotatedStores has the stores take other passwords, for which they start again.
func rotatedStores(t *testing.T, i *installation, u *e2etest.User) {
	i.more["revisions"] = map[string]int{"login": 2, "owner": 2, "redis": 2, "store": 2}
	i.apply()

	u.Infers(u.Of("digits"), "digits")
	u.Maas("push", u.Of("digits")+"@2.0.0", e2etest.Data("digits-v2.onnx")).Ends(0, "verified")
	nothingToDo(t, i, u)
}

// destroyed holds that nothing is left where the installation was: in the cluster, in the state, on the node.
func destroyed(t *testing.T, i *installation, u *e2etest.User) {
	u.Leave() // with model servers it takes minutes longer: a namespace's pods have their time first
	i.destroy()

	for _, look := range [][]string{
		{"namespaces", "maas", "maas-models", "maas-stores"},
		{"persistentvolumes", "maas-stores-postgres", "maas-stores-object-storage"},
		{"clusterstoragecontainers.serving.kserve.io", "maas"},
		{"referencegrants.gateway.networking.k8s.io", "maas", "--namespace=traefik"},
	} {
		if left := e2etest.Kubectl(t, append([]string{"get", "--ignore-not-found", "--output=name"}, look...)...); left != "" {
			t.Errorf("left: %s", left)
		}
	}
	if labelled := e2etest.Kubectl(t, "get", "all,clusterroles,clusterrolebindings", "--all-namespaces", "--selector=app.kubernetes.io/part-of=maas", "--output=name"); labelled != "" {
		t.Errorf("left: %s", labelled)
	}
	var state struct{ Resources []any }
	e2etest.Must(t, json.Unmarshal([]byte(i.state()), &state))
	if len(state.Resources) > 0 {
		t.Errorf("%d resources are left in the state", len(state.Resources))
	}
	if _, err := os.Stat(i.stores); !os.IsNotExist(err) {
		t.Errorf("the volumes are left on the node: %v", err)
	}
}
