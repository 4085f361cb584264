package stores

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestStartGivesThreeServers(t *testing.T) {
	t.Parallel()
	s := begin(t, hold(t, t.TempDir()))

	if got := query[int](t, s.Postgres.URL, "select 1"); got != 1 {
		t.Errorf("postgres answered %d", got)
	}
	must(t, openRedis(t, s.Redis.URL).Set(t.Context(), "key", "value", time.Minute).Err())
	must(t, s.S3.makeBucket(t.Context())) // finds it
}

func TestFunctionsHaveNoRightsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := begin(t, hold(t, t.TempDir()))

	const rights = "select rolname || rolsuper || rolcreaterole || rolcreatedb || rolbypassrls from pg_roles where rolname = current_user"
	if got := query[string](t, s.Postgres.URL, rights); got != AppRole+"falsefalsefalsefalse" {
		t.Errorf("the functions' role: %s", got)
	}
	if !query[bool](t, s.Postgres.MigrateURL, "select rolsuper from pg_roles where rolname = current_user") {
		t.Error("migrations have no superuser")
	}
}

func TestDataOutlivesAStop(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	s := begin(t, folder)
	execute(t, s.Postgres.MigrateURL, "create table kept as select 42 as answer")
	first := s.S3
	s.Stop(t.Context())

	began := time.Now()
	s = begin(t, folder)

	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the second start took %v", took)
	}
	if got := query[int](t, s.Postgres.MigrateURL, "select answer from kept"); got != 42 {
		t.Errorf("answer = %d", got)
	}
	if s.S3.SecretAccessKey != first.SecretAccessKey {
		t.Error("the object store has other credentials")
	}
}

func TestStopLeavesNoProcess(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	s := begin(t, folder)

	s.Stop(t.Context())

	if left := processesOn(t, folder.Path); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestServersThatDieAreStartedAgain(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	s := begin(t, folder)

	for _, process := range processesOn(t, folder.Path) {
		pid, err := strconv.Atoi(strings.Fields(process)[0])
		must(t, err)
		must(t, syscall.Kill(pid, syscall.SIGKILL))
	}

	eventually(t, "postgres answers", func() bool { return pingPostgres(t.Context(), s.Postgres.URL) == nil })
	eventually(t, "the object store answers", func() bool { return s.S3.makeBucket(t.Context()) == nil })
}

func TestServersThatTheEnvironmentNamesAreUsed(t *testing.T) {
	t.Parallel()
	running := begin(t, hold(t, t.TempDir()))
	folder := hold(t, t.TempDir())

	s := begin(t, folder, running.Environ()...)

	if strings.Join(s.Environ(), " ") != strings.Join(running.Environ(), " ") {
		t.Errorf("connected to %q", s.Environ())
	}
	if started := processesOn(t, folder.Path); len(started) > 0 {
		t.Errorf("started: %q", started)
	}
	s.Stop(t.Context())
	must(t, pingPostgres(t.Context(), running.Postgres.URL)) // it is not ours to stop
}

func TestAServerThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]string{
		"DATABASE_URL": "postgres://127.0.0.1:1/maas",
		"REDIS_URL":    "redis://127.0.0.1:1",
		"S3_ENDPOINT":  "http://127.0.0.1:1",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			folder := hold(t, t.TempDir())

			_, err := Start(t.Context(), folder, options(t, variable+"="+value))

			if err == nil || !strings.Contains(err.Error()+" S3_ENDPOINT", variable) {
				t.Errorf("err = %v", err)
			}
			if left := processesOn(t, folder.Path); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

func TestASecondOneIsToldWhoHoldsTheFolder(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())

	_, err := Hold(folder.Path, "maas up")

	faulttest.AssertKind(t, err, fault.Conflict)
	if want := "another a test (pid " + strconv.Itoa(os.Getpid()) + ") uses " + folder.Path; err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestATemporaryFolderEndsWithItsHolder(t *testing.T) {
	t.Parallel()
	folder, err := HoldTemporary("a test")
	must(t, err)

	must(t, folder.Close())

	if exists(folder.Path) {
		t.Error("it is there")
	}
}

func TestSocketsOfALongPathAreElsewhere(t *testing.T) {
	t.Parallel()
	folder := hold(t, filepath.Join(t.TempDir(), strings.Repeat("long", 25)))

	s := begin(t, folder)

	if got := query[int](t, s.Postgres.URL, "select 1"); got != 1 {
		t.Errorf("postgres answered %d", got)
	}
	address, err := url.Parse(s.Postgres.URL)
	must(t, err)
	must(t, os.RemoveAll(address.Query().Get("host")))
}

func TestSocketsAreNotPutWhereOthersCanWrite(t *testing.T) {
	t.Parallel()
	folder := hold(t, filepath.Join(t.TempDir(), strings.Repeat("long", 25)))
	path, err := folder.Sockets()
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(path)) })
	must(t, os.Chmod(path, 0o777))

	_, err = folder.Sockets()

	if err == nil || !strings.Contains(err.Error(), "not this user's alone") {
		t.Errorf("err = %v", err)
	}
}

func TestKeysInRedisEnd(t *testing.T) {
	t.Parallel()
	s := &Stores{}
	t.Cleanup(func() { s.Stop(context.Background()) })
	server, err := s.redisInProcess(nil, options(t).Log)
	must(t, err)
	client := openRedis(t, server.URL)

	must(t, client.Set(t.Context(), "key", "value", 50*time.Millisecond).Err())

	eventually(t, "the key ends", func() bool { return client.Exists(t.Context(), "key").Val() == 0 })
}
