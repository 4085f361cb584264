package machine

import (
	"crypto/rand"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/invarianttest"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// away is how long a server is not there.
const away = 10 * time.Second

func TestPostgresMayGoAwayForAWhile(t *testing.T) {
	t.Parallel()
	vars, direct := given(t)
	p, through := beforePostgres(t, vars["DATABASE_URL"])
	vars["DATABASE_URL"] = through
	h := e2etest.Up(t, environment(vars)...)
	u := e2etest.Register(t, h.URL)
	u.Serve("digits")

	outage(u, p, func(api e2etest.Site) {
		unavailable(t, api, functiontest.Request{Method: "GET", Path: "/v1/models", Token: api.Token})
		unavailable(t, api, functiontest.Request{Method: "POST", Path: "/v1/models", Token: api.Token, Body: `{"name":"other"}`})
		u.Infers(u.Of("digits"), "digits") // the gateway needs no database for what it knows
	})

	h.Stop()
	invarianttest.Installation{Vars: direct}.Check(t)
}

func TestTheStoreMayGoAwayForAWhile(t *testing.T) {
	t.Parallel()
	vars, direct := given(t)
	p := before(t, "tcp", strings.TrimPrefix(vars["S3_ENDPOINT"], "http://"))
	vars["S3_ENDPOINT"], vars["S3_PUBLIC_ENDPOINT"] = "http://"+p.address, ""
	h := e2etest.Up(t, environment(vars)...)
	u := e2etest.Register(t, h.URL)
	u.Serve("digits")

	outage(u, p, func(api e2etest.Site) {
		unavailable(t, api, functiontest.Request{
			Method: "POST", Path: "/v1/uploads", Token: api.Token, Body: `{"model":"` + u.Of("digits") + `","version":"3.0.0","filename":"a.onnx","size":1}`,
		})
		u.Maas("versions", u.Of("digits")).Ends(0, "1.0.0")
		u.Infers(u.Of("digits"), "digits")
	})

	h.Stop()
	invarianttest.Installation{Vars: direct}.Check(t)
}

// TestAFullDiskIsSaidAndLosesNothing fills the disk on which everything lies.
func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := e2etest.UpOn(t, smallDisk(t))
	u := e2etest.Register(t, h.URL)
	u.Serve("digits")
	ballast := filepath.Join(h.Data, "ballast")
	fill(t, ballast)

	file := u.Large(2)
	refused := u.Maas("push", u.Of("digits")+"@2.0.0", file, "--retry-for", "2s").Ends(6)
	if !strings.Contains(refused.Stderr, "The object store is full") && !strings.Contains(refused.Stderr, "The database has no room") {
		t.Errorf("a full disk is said as %q", refused.Stderr)
	}
	u.Infers(u.Of("digits"), "digits")

	e2etest.Must(t, os.Remove(ballast))
	u.Maas("push", u.Of("digits")+"@2.0.0", file).Ends(0, "verified")
	u.Maas("publish", u.Of("digits")+"@2.0.0").Ends(0, "latest")
	u.Infers(u.Of("digits"), "digits")
	check(t, h)
}

// given makes a database and a bucket of the test's own beside the servers of `make test`: as a host is given them, and as a test looks at them.
func given(t *testing.T) (vars, direct map[string]string) {
	t.Helper()
	db := postgrestest.New(t)
	direct = objectstest.Environment(t)
	direct["DATABASE_URL"], direct["MIGRATE_DATABASE_URL"] = db.URL, db.OwnerURL
	return maps.Clone(direct), direct
}

func environment(vars map[string]string) []string {
	pairs := make([]string, 0, len(vars))
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

// outage takes a server away while a large file is pushed, looks at what answers meanwhile, and expects the push to go on by itself.
func outage(u *e2etest.User, p *proxy, meanwhile func(api e2etest.Site)) {
	u.Helper()
	api := u.Site()
	pushed := u.Meanwhile("push", u.Of("digits")+"@2.0.0", u.Large(2))
	time.Sleep(100 * time.Millisecond)
	p.cut()
	over := time.After(away)
	meanwhile(api)
	<-over
	p.restore(u)

	said := <-pushed
	said.Ends(0, "verified")
	u.Maas("publish", u.Of("digits")+"@2.0.0").Ends(0, "latest")
	u.Infers(u.Of("digits"), "digits")
}

// unavailable expects a clear 503, and soon.
func unavailable(t *testing.T, s e2etest.Site, in functiontest.Request) {
	t.Helper()
	began := time.Now()
	answer := s.Do(in)
	answer.AssertProblem(t, fault.Unavailable)
	if answer.Header.Get("Retry-After") == "" || time.Since(began) > away {
		t.Errorf("%s %s: Retry-After %q after %s", in.Method, in.Path, answer.Header.Get("Retry-After"), time.Since(began))
	}
}

// smallDisk mounts a disk of 384 MiB in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := e2etest.Folder(t)
	if text, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=384m,mode=700", "maas-"+rand.Text(), folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, text)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", folder).Run() })
	return folder
}

// fill writes until nothing more goes in.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	e2etest.Must(t, err)
	defer func() { _ = f.Close() }()
	space := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(space)
	}
}
