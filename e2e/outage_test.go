package e2e

import (
	"crypto/rand"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/fault"
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
	h := up(t, environment(vars)...)
	u := register(t, h.url)
	u.serve("digits")

	u.outage(h, p, func(api site) {
		api.unavailable(functiontest.Request{Method: "GET", Path: "/v1/models", Token: api.token})
		api.unavailable(functiontest.Request{Method: "POST", Path: "/v1/models", Token: api.token, Body: `{"name":"other"}`})
		u.infers(u.of("digits"), "digits") // the gateway needs no database for what it knows
	})

	h.stop()
	invarianttest.Installation{Vars: direct}.Check(t)
}

func TestTheStoreMayGoAwayForAWhile(t *testing.T) {
	t.Parallel()
	vars, direct := given(t)
	p := before(t, "tcp", strings.TrimPrefix(vars["S3_ENDPOINT"], "http://"))
	vars["S3_ENDPOINT"], vars["S3_PUBLIC_ENDPOINT"] = "http://"+p.address, ""
	h := up(t, environment(vars)...)
	u := register(t, h.url)
	u.serve("digits")

	u.outage(h, p, func(api site) {
		api.unavailable(functiontest.Request{
			Method: "POST", Path: "/v1/uploads", Token: api.token, Body: `{"model":"` + u.of("digits") + `","version":"3.0.0","filename":"a.onnx","size":1}`,
		})
		u.maas("versions", u.of("digits")).ends(0, "1.0.0")
		u.infers(u.of("digits"), "digits")
	})

	h.stop()
	invarianttest.Installation{Vars: direct}.Check(t)
}

// TestAFullDiskIsSaidAndLosesNothing fills the disk on which everything lies.
func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := upOn(t, smallDisk(t))
	u := register(t, h.url)
	u.serve("digits")
	ballast := filepath.Join(h.data, "ballast")
	fill(t, ballast)

	file := u.large(2)
	refused := u.maas("push", u.of("digits")+"@2.0.0", file, "--retry-for", "2s").ends(6)
	if !strings.Contains(refused.stderr, "the object store is full") && !strings.Contains(refused.stderr, "The database has no room") {
		t.Errorf("a full disk is said as %q", refused.stderr)
	}
	u.infers(u.of("digits"), "digits")

	must(t, os.Remove(ballast))
	u.maas("push", u.of("digits")+"@2.0.0", file).ends(0, "verified")
	u.maas("publish", u.of("digits")+"@2.0.0").ends(0, "latest")
	u.infers(u.of("digits"), "digits")
	h.check(t)
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

// serve has a model served whose first version is digits.onnx.
func (u *user) serve(name string) {
	u.Helper()
	u.maas("push", u.of(name)+"@1.0.0", data("digits.onnx")).ends(0, "verified")
	u.maas("publish", u.of(name)+"@1.0.0").ends(0, "latest")
	u.infers(u.of(name), "digits")
}

// outage takes a server away while a large file is pushed, looks at what answers meanwhile, and expects the push to go on by itself.
func (u *user) outage(h *host, p *proxy, meanwhile func(api site)) {
	u.Helper()
	api := u.site(h)
	pushed := make(chan said, 1)
	go func() { pushed <- u.maas("push", u.of("digits")+"@2.0.0", u.large(2)) }() // it has a deadline
	time.Sleep(100 * time.Millisecond)
	p.cut()
	over := time.After(away)
	meanwhile(api)
	<-over
	p.restore(u.T)

	s := <-pushed
	s.ends(0, "verified")
	u.maas("publish", u.of("digits")+"@2.0.0").ends(0, "latest")
	u.infers(u.of("digits"), "digits")
}

// site is the user's server by plain HTTP, signed in.
func (u *user) site(h *host) site {
	u.Helper()
	s := site{functiontest.At(u.T, h.url, nil), u.T, ""}
	var session struct {
		Access string `json:"access_token"`
	}
	s.post("/v1/auth/login", `{"email":"`+u.email+`","password":"`+password+`"}`, http.StatusOK, &session)
	s.token = session.Access
	return s
}

// unavailable expects a clear 503, and soon.
func (s site) unavailable(in functiontest.Request) {
	s.t.Helper()
	began := time.Now()
	answer := s.Do(in)
	answer.AssertProblem(s.t, fault.Unavailable)
	if answer.Header.Get("Retry-After") == "" || time.Since(began) > away {
		s.t.Errorf("%s %s: Retry-After %q after %s", in.Method, in.Path, answer.Header.Get("Retry-After"), time.Since(began))
	}
}

// smallDisk mounts a disk of 384 MiB in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := temporary(t)
	if text, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=384m", "maas-"+rand.Text(), folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, text)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", folder).Run() })
	return folder
}

// fill writes until nothing more goes in.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer func() { _ = f.Close() }()
	space := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(space)
	}
}
