//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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

	pushed := u.Meanwhile("push", u.Of("digits")+"@1.0.0", file)
	upload := uploadOf(t, u)
	goOn := holdVerification(t, db, upload)
	kill(t, functions, of("verify-upload"))
	goOn()
	(<-pushed).Ends(0, "verified")

	pulls(t, u, file)
}

// holdVerification waits until the upload's verification has begun, and locks the upload's row, so that the verification cannot finish before goOn is
// called. Postgres polls, since a verification can begin and finish between two polls of a busy client.
func holdVerification(t *testing.T, db *pgx.Conn, upload string) (goOn func()) {
	t.Helper()
	const pause = 5 * time.Millisecond
	tx, err := db.Begin(t.Context())
	e2etest.Must(t, err)
	_, err = tx.Exec(t.Context(), fmt.Sprintf(`do $$ begin
		for try in 1..%d loop
			perform from uploads where id = '%s' and status = 'verifying' for update;
			if found then return; end if;
			perform pg_sleep(%f);
		end loop;
		raise exception 'the verification has not begun';
	end $$`, patience/pause, uuid.MustParse(upload), pause.Seconds()))
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
