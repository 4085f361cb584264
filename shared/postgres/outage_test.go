package postgres_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

func newEnv(vars map[string]string) *env.Env {
	return env.New("test", vars, slog.New(slog.DiscardHandler))
}

func TestAServerThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	frozen, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connection, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = frozen.Close() })
	e := newEnv(map[string]string{
		"DATABASE_URL": "postgres://ana@" + frozen.Addr().String() + "/maas?sslmode=disable", "DATABASE_CONNECT_TIMEOUT": "100ms",
	})
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	db, err := postgres.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(postgres.Tx) error { return nil }
	faulttest.AssertKind(t, db.As(postgres.Catalog).Tx(t.Context(), uuid.New(), nothing), fault.Unavailable)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	faulttest.AssertKind(t, db.As(postgres.Catalog).Tx(gone, uuid.New(), nothing), fault.Canceled)
}

func TestTextThatCannotBeStoredIsInvalid(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Catalog)
	for _, text := range []string{"a\x00b", "\xff"} {
		err := db.Tx(t.Context(), uuid.New(), func(tx postgres.Tx) error {
			_, err := tx.Exec(t.Context(), "select $1::text", text)
			return err
		})
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestTheEndDoesNotWaitForATransactionLongerThanItMay(t *testing.T) {
	t.Parallel()
	e := newEnv(map[string]string{"DATABASE_URL": postgrestest.New(t).URL})
	db, err := postgres.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	err = db.As(postgres.Catalog).Tx(t.Context(), uuid.New(), func(postgres.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if e.Close(ctx) == nil {
			t.Error("a transaction that goes on was not told of")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
