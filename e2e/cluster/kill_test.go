//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// big is enough that a push of it is still on its way when it is looked at.
const big = 300 << 20

// TestAPushOutlivesThePodsThatTakeIt kills the pods that take its chunks.
func TestAPushOutlivesThePodsThatTakeIt(t *testing.T) { //nolint:paralleltest // it kills the pods that take other chunks too
	breaks(t)
	u, db := register(t), database(t)
	file := u.Padded(1, big)

	pushed := u.Meanwhile("push", u.Of("digits")+"@1.0.0", file, "--parallel", "1") // so that it is not over before the pods are gone
	upload := uploadOf(t, u)
	await(t, "some chunks are stored", time.Minute, func() (string, bool) {
		n := one[int](t, db, `select count(*) from upload_chunks where upload = $1 and state = 'stored'`, upload)
		return fmt.Sprintf("%d chunks", n), n > 2
	})
	kill(t, functions, of("upload-chunk"))
	if status := one[string](t, db, `select status from uploads where id = $1`, upload); status != "open" {
		t.Errorf("the pods were killed when the upload was %s already", status)
	}
	(<-pushed).Ends(0, "verified")

	pulls(t, u, file)
}

// TestAPushOutlivesThePodThatVerifiesIt kills it while it reads the file.
func TestAPushOutlivesThePodThatVerifiesIt(t *testing.T) {
	t.Parallel()
	breaks(t)
	u, db := register(t), database(t)
	file := u.Padded(2, big)

	goOn := holdVerification(t, tenant(t, u), file)
	pushed := u.Meanwhile("push", u.Of("digits")+"@1.0.0", file)
	upload := uploadOf(t, u)
	await(t, "its verification begins", patience, func() (string, bool) {
		status := one[string](t, db, `select status from uploads where id = $1`, upload)
		return status, status == "verifying"
	})
	kill(t, functions, of("verify-upload"))
	goOn()
	(<-pushed).Ends(0, "verified")

	pulls(t, u, file)
}

// holdVerification keeps the verification of a file from ending before goOn is called: the file's artifact is inserted in a transaction that is
// open until then, and the verification's own insert waits for it.
func holdVerification(t *testing.T, tenant, file string) (goOn func()) {
	t.Helper()
	content, err := os.ReadFile(file)
	e2etest.Must(t, err)
	tx, err := database(t).Begin(t.Context())
	e2etest.Must(t, err)
	_, err = tx.Exec(t.Context(), `insert into artifacts (tenant_id, digest, object_key, size, format) values ($1, $2, 'held', $3, 'onnx')`,
		tenant, e2etest.Digest(content), len(content))
	e2etest.Must(t, err)
	return func() { e2etest.Must(t, tx.Rollback(t.Context())) }
}

// TestAJourneyOutlivesTheBroker kills all of the broker's pods, and the events that they hold in memory, while one model is pushed and another
// is published. What nobody takes then, sweep posts again two minutes later.
func TestAJourneyOutlivesTheBroker(t *testing.T) { //nolint:paralleltest // others need the broker
	breaks(t)
	u, db := register(t), database(t)
	u.Maas("push", u.Of("one")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")

	pushed := u.Meanwhile("push", u.Of("two")+"@1.0.0", u.Padded(1, 1<<10))
	published := u.Meanwhile("publish", u.Of("one")+"@1.0.0")
	killed := time.Now()
	for _, part := range []string{"eventing.knative.dev/brokerRole", "messaging.knative.dev/role=dispatcher"} {
		kill(t, "knative-eventing", part)
	}
	(<-pushed).Ends(0, "verified")
	(<-published).Ends(0, "latest")
	again := one[int](t, db, `select sum(attempts) from outbox o join tenants t on t.id = o.tenant_id where t.name = $1`, u.Tenant)
	t.Logf("it ended %s after the broker was killed; %d events were posted again", time.Since(killed).Round(time.Second), again)

	u.Maas("publish", u.Of("two")+"@1.0.0").Ends(0, "latest")
	u.Infers(u.Of("one"), "digits")
	u.Infers(u.Of("two"), "digits")
}

// pulls expects to get the file back as it was pushed.
func pulls(t testing.TB, u *e2etest.User, file string) {
	t.Helper()
	folder := t.TempDir()
	u.Maas("pull", u.Of("digits")+"@1.0.0", folder).OK()
	got, err := os.ReadFile(filepath.Join(folder, filepath.Base(file)))
	e2etest.Must(t, err)
	want, err := os.ReadFile(file)
	e2etest.Must(t, err)
	if e2etest.Digest(got) != e2etest.Digest(want) {
		t.Error("what was pulled is not what was pushed")
	}
}
