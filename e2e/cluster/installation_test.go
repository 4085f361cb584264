//go:build cluster

package cluster

import (
	"context"
	"encoding/base64"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/invarianttest"
)

// patience is for what ends at the latest when sweep has posted an event again: that is 2 minutes after it was written, and sweep comes by
// each minute.
const patience = 5 * time.Minute

// register returns a user of the cluster, who leaves no model behind.
func register(t testing.TB) *e2etest.User {
	t.Helper()
	u := e2etest.Register(t, server())
	u.Patience = patience
	t.Cleanup(u.Leave)
	t.Cleanup(func() { show(t) }) // before that
	return u
}

// installation returns the variables by which the functions find their stores, from where the cluster keeps them.
func installation(t testing.TB) map[string]string {
	t.Helper()
	vars := map[string]string{}
	var config struct{ Data map[string]string }
	read(t, &config, "configmap", "maas-config", "--namespace", functions)
	maps.Copy(vars, config.Data)
	for name, at := range map[string][2]string{
		"DATABASE_URL":         {"maas-database", "url"},
		"MIGRATE_DATABASE_URL": {"maas-database-owner", "url"},
		"REDIS_URL":            {"maas-redis", "url"},
		"S3_ACCESS_KEY_ID":     {"maas-store", "access-key-id"},
		"S3_SECRET_ACCESS_KEY": {"maas-store", "secret-access-key"},
		"MAAS_SERVICE_KEY":     {"maas-service-key", "service.key"},
	} {
		vars[name] = secret(t, functions, at[0], at[1])
	}
	return vars
}

// secret returns the value of a key of a Secret.
func secret(t testing.TB, namespace, name, key string) string {
	t.Helper()
	var from struct{ Data map[string]string }
	read(t, &from, "secret", name, "--namespace", namespace)
	text, err := base64.StdEncoding.DecodeString(from.Data[key])
	e2etest.Must(t, err)
	return strings.TrimSpace(string(text))
}

// faults counts the tests under way that break something.
var faults atomic.Int32

// breaks says that the test does. When the last of them has ended, each invariant that does not hold is reported.
func breaks(t testing.TB) {
	t.Helper()
	faults.Add(1)
	t.Cleanup(func() {
		if faults.Add(-1) == 0 {
			invarianttest.Installation{Vars: installation(t), Settles: patience, Poisoned: true}.Check(t)
		}
	})
}

// database connects as the database's owner, who sees all tenants.
func database(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), installation(t)["MIGRATE_DATABASE_URL"])
	e2etest.Must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// one returns the answer of a query that has one.
func one[T any](t testing.TB, db *pgx.Conn, query string, arguments ...any) (answer T) {
	t.Helper()
	e2etest.Must(t, db.QueryRow(t.Context(), query, arguments...).Scan(&answer))
	return answer
}

// signer signs events as the installation whose variables these are does.
func signer(t testing.TB, vars map[string]string) cloudevent.Signer {
	t.Helper()
	s, err := cloudevent.OpenSigner(env.New("e2e", vars, slog.New(slog.DiscardHandler)))
	e2etest.Must(t, err)
	return s
}
