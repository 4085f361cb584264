package stores

import (
	"context"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// loopback returns an address of this machine that no other test listens at: Linux has 127.0.0.0/8 there.
func loopback() string {
	return net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254))).String()
}

// beginAt starts the servers so that other machines reach them.
func beginAt(t *testing.T, folder *Folder, host string) *Stores {
	t.Helper()
	o := options(t)
	o.Listen = host
	s, err := Start(t.Context(), folder, o)
	must(t, err)
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s
}

func TestServersAreReachedByTCPAtPortsThatDoNotChange(t *testing.T) {
	t.Parallel()
	host := loopback()
	s := beginAt(t, hold(t, t.TempDir()), host)

	for address, want := range map[string]string{
		s.Postgres.URL: host + ":15432", s.Postgres.MigrateURL: host + ":15432", s.Redis.URL: host + ":16379", s.S3.Endpoint: host + ":19000",
	} {
		if got, err := url.Parse(address); err != nil || got.Host != want {
			t.Errorf("the address is %s (%v), want one at %s", address, err, want)
		}
	}
	if got := query[string](t, s.Postgres.URL, "select current_user"); got != AppRole {
		t.Errorf("the functions' role is %s", got)
	}
	if !query[bool](t, s.Postgres.MigrateURL, "select rolsuper from pg_roles where rolname = current_user") {
		t.Error("migrations have no superuser")
	}
	must(t, openRedis(t, s.Redis.URL).Set(t.Context(), "key", "value", time.Minute).Err())
	must(t, s.S3.makeBucket(t.Context()))
}

func TestNobodyComesByTCPWithoutThePassword(t *testing.T) {
	t.Parallel()
	s := beginAt(t, hold(t, t.TempDir()), loopback())

	for role, password := range map[string]string{owner: "", AppRole: "wrong"} {
		address := at(t, s.Postgres.URL, url.UserPassword(role, password))
		if conn, err := pgx.Connect(t.Context(), address); err == nil {
			t.Errorf("%s came in", role)
			_ = conn.Close(t.Context())
		} else if !strings.Contains(err.Error(), "password") {
			t.Errorf("%s was refused for another reason: %v", role, err)
		}
	}
	if err := pingRedis(t.Context(), at(t, s.Redis.URL, nil), ""); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("Redis said %v", err)
	}
	stranger := s.S3
	stranger.SecretAccessKey = "wrong"
	if stranger.makeBucket(t.Context()) == nil {
		t.Error("the object store let a stranger in")
	}
}

func TestTheDatabaseAloneIsReachedByTCP(t *testing.T) {
	t.Parallel()
	s := beginAt(t, hold(t, t.TempDir()), loopback())

	_, err := pgx.Connect(t.Context(), strings.Replace(s.Postgres.MigrateURL, "/"+database, "/postgres", 1))

	if err == nil || !strings.Contains(err.Error(), "pg_hba.conf") {
		t.Errorf("err = %v", err)
	}
}

func TestDataAndPasswordsOutliveAStop(t *testing.T) {
	t.Parallel()
	folder, host := hold(t, t.TempDir()), loopback()
	first := beginAt(t, folder, host)
	execute(t, first.Postgres.MigrateURL, "create table kept as select 42 as answer")
	first.Stop(t.Context())

	s := beginAt(t, folder, host)

	if strings.Join(s.Environ(), "\n") != strings.Join(first.Environ(), "\n") {
		t.Errorf("the variables are %q, and were %q", s.Environ(), first.Environ())
	}
	if got := query[int](t, s.Postgres.MigrateURL, "select answer from kept"); got != 42 {
		t.Errorf("answer = %d", got)
	}
	if info, err := os.Stat(filepath.Join(folder.Path, "passwords.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the passwords' file: %v, %v", info.Mode(), err)
	}
}

func TestNoPasswordStandsInACommandLine(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	s := beginAt(t, folder, loopback())
	address, err := url.Parse(s.Redis.URL)
	must(t, err)
	password, _ := address.User.Password()

	for _, process := range processesOn(t, folder.Path) {
		if strings.Contains(process, password) || strings.Contains(process, s.S3.SecretAccessKey) {
			t.Errorf("everyone can read %s", process)
		}
	}
}

func TestTheSameDataServesWithAndWithoutTCP(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	public := beginAt(t, folder, loopback())
	execute(t, public.Postgres.MigrateURL, "create table kept as select 42 as answer")
	public.Stop(t.Context())

	s := begin(t, folder)

	if got := query[int](t, s.Postgres.MigrateURL, "select answer from kept"); got != 42 {
		t.Errorf("answer = %d", got)
	}
}

func TestARedisInProcessIsReachedByTCPToo(t *testing.T) {
	t.Parallel()
	public, err := openNetwork(t.Context(), hold(t, t.TempDir()), loopback())
	must(t, err)
	s := &Stores{}
	t.Cleanup(func() { s.Stop(context.Background()) })

	server, err := s.redisInProcess(public, options(t).Log)
	must(t, err)

	if server.URL != redisURL(public.address(RedisPort), public.passwords.Redis) {
		t.Errorf("the address is %s", server.URL)
	}
	must(t, pingRedis(t.Context(), server.URL, ""))
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	host := loopback()
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", host+":16379")
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	o := options(t)
	o.Listen = host

	_, err = Start(t.Context(), hold(t, t.TempDir()), o)

	faulttest.AssertKind(t, err, fault.Conflict, "listen")
	if !strings.Contains(err.Error(), host+":16379") {
		t.Errorf("error is %v", err)
	}
}

func TestServersListenAtOneAddress(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "0.0.0.0", "::", "127.0.0.1:80"} {
		o := options(t)
		o.Listen = host

		_, err := Start(t.Context(), hold(t, t.TempDir()), o)

		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestDamagedPasswordsAreNotReplacedSilently(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	must(t, os.WriteFile(filepath.Join(folder.Path, "passwords.json"), []byte(`{"redis": "alone"}`), 0o600))

	_, err := openNetwork(t.Context(), folder, loopback())

	if err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("err = %v", err)
	}
}

// at returns an address with another user.
func at(t *testing.T, address string, user *url.Userinfo) string {
	t.Helper()
	parsed, err := url.Parse(address)
	must(t, err)
	parsed.User = user
	return parsed.String()
}
