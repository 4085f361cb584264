package main

import (
	"crypto/rand"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog" //nolint:depguard // toxiproxy asks for one of its loggers
)

// wire is a world whose pods reach the store by a proxy.
type wire struct {
	world
	proxy  *toxiproxy.Proxy
	direct string // address of the store
}

func newWire(t testing.TB) wire {
	t.Helper()
	w := newWorld(t)
	endpoint, err := url.Parse(w.vars["S3_ENDPOINT"])
	w.must(err)
	direct := endpoint.String()
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", endpoint.Host)
	w.must(proxy.Start())
	t.Cleanup(proxy.Stop)
	endpoint.Host = proxy.Listen
	w.vars["S3_ENDPOINT"], w.vars["S3_DIAL_TIMEOUT"] = endpoint.String(), "500ms"
	return wire{w, proxy, direct}
}

// slow lets through 4 MB/s on each connection.
func (w wire) slow() {
	w.Helper()
	_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(`{"name":"slow","type":"bandwidth","stream":"downstream","attributes":{"rate":4000}}`))
	w.must(err)
}

// heal has pods reach the store without the proxy. Toxiproxy (2.5.0) would wait without end for a toxic of a connection that its client left.
func (w wire) heal() { w.vars["S3_ENDPOINT"] = w.direct }

// begun reports whether some of the file is there.
func (w wire) begun() bool {
	unfinished, _ := filepath.Glob(filepath.Join(w.folder, ".fetch-*"))
	if len(unfinished) != 1 {
		return false
	}
	about, err := os.Stat(unfinished[0])
	return err == nil && about.Size() > 0
}

// counts are the numbers of a log's last line.
type counts struct {
	Message string `json:"msg"`
	Bytes   int64  `json:"bytes"`
	There   int64  `json:"there"`
	Cached  int64  `json:"from_cache"`
	Store   int64  `json:"from_store"`
}

func (p *process) counts() counts {
	p.w.Helper()
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	var c counts
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &c); err != nil || c.Message != "fetched" {
		p.w.Fatalf("the last line is no count (%v): %s", err, p.stderr.String())
	}
	return c
}

func TestAFetchThatWasKilledGoesOnWhenItIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	content := random(40 << 20)
	uri := w.version(content)
	w.slow()
	killed := w.command(uri.String()).start()
	w.eventually("some bytes are there", w.begun)
	w.must(killed.Process.Kill())
	_ = killed.Wait()
	w.heal()

	_, p := w.fetch(0, uri)

	w.assertModel(content)
	if c := p.counts(); c.There == 0 || c.There+c.Store != c.Bytes {
		t.Errorf("it counted %+v", c)
	}
	if _, p := w.fetch(0, uri); p.counts().Store != 0 {
		t.Errorf("what was whole was loaded again: %+v", p.counts())
	}
}

func TestAFetchThatIsToldToStopKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	uri := w.version(random(40 << 20))
	w.slow()
	p := w.command(uri.String()).start()
	w.eventually("some bytes are there", w.begun)

	w.must(p.Process.Signal(syscall.SIGTERM))

	if said := p.end(1); said != "the fetch of the model's files was stopped" {
		t.Errorf("it said %s", said)
	}
	if !w.begun() {
		t.Error("nothing is left to go on from")
	}
}

func TestAStoreThatIsAwayIsWaitedForAndThenGivenUp(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	content := random(1 << 20)
	uri := w.version(content)
	w.proxy.Stop()

	if said, _ := w.fetch(1, uri); said != "the object store is away; try again" {
		t.Errorf("it said %s", said)
	}
	patient := w.command(uri.String(), "MAAS_FETCH_PATIENCE=1m").start()
	w.eventually("it runs", func() bool { return patient.Process.Signal(syscall.Signal(0)) == nil })
	w.must(w.proxy.Start())
	patient.end(0)

	w.assertModel(content)
}

func TestTwoPodsThatStartAtOnceLoadAVersionOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	content := random(4 << 20)
	uri, cache := w.version(content), "MAAS_FETCH_CACHE="+t.TempDir()
	w.slow()
	pods := make([]*process, 2)
	for i := range pods {
		pod := w.world
		pod.folder = t.TempDir()
		pods[i] = pod.command(uri.String(), cache).start()
	}
	var cached, loaded int64
	for _, p := range pods {
		p.end(0)
		p.w.assertModel(content)
		cached, loaded = cached+p.counts().Cached, loaded+p.counts().Store
	}

	if size := int64(len(content)); cached != size || loaded != size {
		t.Errorf("%d bytes came from the cache and %d from the store", cached, loaded)
	}
}

func TestAFullDiskEndsTheFetchAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.command(w.version(random(4<<20)).String(), "MAAS_FETCH_TMPFS="+w.folder, "MAAS_FETCH_PATIENCE=1h")
	p.SysProcAttr = apart()

	if said := p.start().end(1); said != "the disk is full" {
		t.Errorf("it said %s", said)
	}
}

func TestAFullCacheStopsNoFetch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content, cache := random(4<<20), t.TempDir()
	p := w.command(w.version(content).String(), "MAAS_FETCH_TMPFS="+cache, "MAAS_FETCH_CACHE="+cache)
	p.SysProcAttr = apart()

	p.start().end(0)

	w.assertModel(content)
	if !strings.Contains(p.stderr.String(), `"level":"WARN"`) {
		t.Errorf("nobody is told that the cache is full: %s", p.stderr.String())
	}
}

// apart returns attributes that give a process mounts of its own, which end with it.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
