package audit_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// act records entries of the principal.
func act(t *testing.T, w *identitytest.World, who auth.Principal, times int) {
	t.Helper()
	err := w.Postgres.As(postgres.Catalog).Tx(t.Context(), who.Tenant, func(tx postgres.Tx) error {
		for range times {
			if err := audit.Record(t.Context(), tx, who, "model.create", "acme/digits"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func seal(t *testing.T, w *identitytest.World) {
	t.Helper()
	if err := audit.Seal(t.Context(), w.Postgres.DB); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, w *identitytest.World, who auth.Principal) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), w.Postgres.DB, who.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// tamper changes the log as someone does who owns the database.
func tamper(t *testing.T, w *identitytest.World, sql string) {
	t.Helper()
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "set session_replication_role = replica; "+sql) // without triggers
		return err
	})
}

func TestEachTenantHasItsChain(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	rival := w.Tenant("rival")
	act(t, w, w.Owner, 3)
	act(t, w, rival, 2)

	for range 2 { // the second finds nothing to do
		seal(t, w)
	}
	act(t, w, w.Owner, 2)
	seal(t, w)

	if got := verify(t, w, w.Owner); got != (audit.Report{Sealed: 5}) {
		t.Errorf("%+v", got)
	}
	if got := verify(t, w, rival); got != (audit.Report{Sealed: 2}) {
		t.Errorf("%+v", got)
	}
}

func TestALongLogIsSealedWhole(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	act(t, w, w.Owner, 2_500)

	seal(t, w)

	if got := verify(t, w, w.Owner); got != (audit.Report{Sealed: 2_500}) {
		t.Errorf("%+v", got)
	}
}

func TestSealersDoNotSealTwice(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				act(t, w, w.Owner, 3)
				seal(t, w)
			}
		})
	}
	all.Wait()
	seal(t, w)

	if got := verify(t, w, w.Owner); got != (audit.Report{Sealed: 60}) {
		t.Errorf("%+v", got)
	}
}

func TestTheFirstBrokenLinkIsNamed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		sql    string
		broken int64
	}{
		"an entry is changed":   {`update audit_entries e set actor = 'user:nobody' from audit_chain c where c.entry = e.id and c.seq = 2`, 2},
		"an entry is taken out": {`delete from audit_chain where seq = 3`, 3},
		"a hash is changed":     {`update audit_chain set hash = sha256(hash) where seq = 1`, 1},
		"a reason is added":     {`update audit_entries e set why = 'bad luck' from audit_chain c where c.entry = e.id and c.seq = 3`, 3},
		"a time is changed":     {`update audit_entries e set time = time - interval '1 s' from audit_chain c where c.entry = e.id and c.seq = 2`, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := identitytest.New(t)
			act(t, w, w.Owner, 4)
			seal(t, w)

			tamper(t, w, c.sql)

			if got := verify(t, w, w.Owner); got.Broken != c.broken {
				t.Errorf("%+v, want the link %d", got, c.broken)
			}
		})
	}
}
