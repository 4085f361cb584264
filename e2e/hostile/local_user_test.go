//go:build !cluster

package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// eventsListener returns the socket of a host's events' listener.
func eventsListener(data string) string { return filepath.Join(data, "run", "events.sock") }

// insider returns a client of the events' listener, which this test may connect to as the host's own user.
func insider(t *testing.T, data string) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", eventsListener(data))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// TestTheEventsListenerIsReachedByThisUserAlone connects as another user, and looks for it on the public address.
func TestTheEventsListenerIsReachedByThisUserAlone(t *testing.T) {
	path := eventsListener(the.Data(t))
	for name, mode := range map[string]os.FileMode{path: os.ModeSocket | 0o600, filepath.Dir(path): os.ModeDir | 0o700} {
		about, err := os.Stat(name)
		e2etest.Must(t, err)
		if about.Mode() != mode {
			t.Errorf("%s has the mode %s, want %s", name, about.Mode(), mode)
		}
	}
	if os.Getuid() == 0 { // only root can become somebody else
		if err := dialAs(65534, path); !errors.Is(err, syscall.EACCES) {
			t.Errorf("another user connects to the events' listener: %v", err)
		}
	} else {
		t.Log("left out: connecting as another user, which only root can become")
	}
	operator, err := os.ReadFile(filepath.Join(the.Data(t), "operator.env"))
	e2etest.Must(t, err)
	if !regexp.MustCompile(`(?m)^K_SINK=http://[0-9a-f]+\.socket\.invalid/broker$`).Match(operator) {
		t.Error("events are not posted to the socket")
	}
	for _, route := range []string{"/metrics", "/sweep", "/broker", "/verify-upload", "/deploy-version", "/meter-usage"} {
		answer, err := http.Post(the.Server+route, "application/cloudevents+json", strings.NewReader(ping))
		e2etest.Must(t, err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("the public listener answers %s with %s", route, answer.Status)
		}
	}
}

// dialAs connects to a Unix socket with another user's rights to files, and returns what that failed with.
func dialAs(uid int, path string) error {
	result := make(chan error)
	go func() { // on a thread that ends with it
		runtime.LockOSThread()
		if err := syscall.Setfsuid(uid); err != nil {
			result <- err
			return
		}
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			result <- err
			return
		}
		result <- errors.Join(syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}), syscall.Close(fd))
	}()
	return <-result
}

const ping = `{"specversion":"1.0","id":"1","source":"/apis/v1/namespaces/maas/pingsources/sweep","type":"dev.knative.sources.ping"}`

// TestUnsignedEventsFillNoDatabaseAndStartNoRounds does what an installation's own user, or a pod of its cluster, can do without a key.
func TestUnsignedEventsFillNoDatabaseAndStartNoRounds(t *testing.T) {
	data := the.Data(t)
	client := insider(t, data)
	before, roundsBefore := size(t, data), metric(t, client, "sweep", "looked")
	began := time.Now()

	stuffing := strings.Repeat("x", 600<<10)
	flood(t, 150, func(n int) {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/maas/complete","type":"maas.upload.completed.v1","data":"%s"}`, n, stuffing)
		if status := post(t, client, "/verify-upload", event); status != http.StatusUnprocessableEntity {
			t.Errorf("an unsigned event is answered %d", status)
		}
	})
	flood(t, 500, func(int) {
		if status := post(t, client, "/sweep", ping); status != http.StatusAccepted {
			t.Errorf("a tick is answered %d", status)
		}
	})

	took := time.Since(began)
	grown := size(t, data) - before
	kept, counted := metric(t, client, "verify-upload", "kept"), metric(t, client, "verify-upload", "counted")
	rounds, merged := metric(t, client, "sweep", "looked")-roundsBefore, metric(t, client, "sweep", "merged")
	t.Logf("in %s: 150 unsigned events of 600 KiB made %d dead letters, %d were counted, the database grew by %d KiB; 500 ticks made %d rounds, %d were merged",
		took, kept, counted, grown>>10, rounds, merged)
	if kept != 100 || counted != 50 {
		t.Errorf("%d unsigned events were kept and %d counted, want 100 and 50", kept, counted)
	}
	if grown > 8<<20 {
		t.Errorf("the database grew by %d bytes", grown)
	}
	if most := 2 + int(took/(10*time.Second)); rounds > most || rounds+merged < 500 {
		t.Errorf("%d rounds and %d merged ticks, want %d rounds at most", rounds, merged, most)
	}
}

// TestMetricsHaveAnAddressOnlyIfTheyAreGivenOne reads them by the socket, and by TCP on a host that was told an address.
func TestMetricsHaveAnAddressOnlyIfTheyAreGivenOne(t *testing.T) {
	address := e2etest.FreeAddress()
	h := e2etest.Up(t, "METRICS_ADDRESS="+address)
	for _, from := range []struct {
		client *http.Client
		url    string
	}{{insider(t, the.Data(t)), "http://maas"}, {insider(t, h.Data), "http://maas"}, {http.DefaultClient, "http://" + address}} {
		if text := read(t, from.client, from.url+"/metrics"); !strings.Contains(text, "\ngo_goroutines ") {
			t.Errorf("%s/metrics is %.200q", from.url, text)
		}
	}
	for _, port := range ports(t, the.Data(t)) {
		client := &http.Client{Timeout: 5 * time.Second}
		answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
		if err != nil {
			continue // it does not speak HTTP
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Errorf("the host that was told no address has metrics at port %d", port)
		}
	}
}

// ports returns the TCP ports on which the `maas up` of a data folder listens.
func ports(t *testing.T, data string) (all []int64) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	e2etest.Must(t, err)
	sockets := map[string]bool{}
	for _, file := range processes {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "\x00up\x00") || !strings.Contains(string(text), "\x00"+data+"\x00") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "fd", "*"))
		e2etest.Must(t, err)
		for _, fd := range files {
			target, _ := os.Readlink(fd) // it may be closed by now
			sockets[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table) // a machine may have no IPv6
		for line := range strings.Lines(string(text)) {
			const local, status, inode, listening = 1, 3, 9, "0A"
			if fields := strings.Fields(line); len(fields) > inode && fields[status] == listening && sockets[fields[inode]] {
				_, hexadecimal, _ := strings.Cut(fields[local], ":")
				port, err := strconv.ParseInt(hexadecimal, 16, 32)
				e2etest.Must(t, err)
				all = append(all, port)
			}
		}
	}
	if len(all) == 0 {
		t.Error("the host listens nowhere")
	}
	return all
}

// flood runs a function so many times, eight at once.
func flood(t *testing.T, times int, one func(n int)) {
	t.Helper()
	numbers := make(chan int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range numbers {
				one(n)
			}
		})
	}
	for n := range times {
		numbers <- n
	}
	close(numbers)
	all.Wait()
}

func post(t *testing.T, client *http.Client, path, body string) int {
	t.Helper()
	answer, err := client.Post("http://maas"+path, "application/cloudevents+json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func read(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	answer, err := client.Get(url)
	e2etest.Must(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	e2etest.Must(t, err)
	return string(text)
}

// metric returns how many unsigned events of a consumer ended so.
func metric(t *testing.T, client *http.Client, consumer, outcome string) int {
	t.Helper()
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^maas_unsigned_events_total\{consumer="%s",outcome="%s"\} (\d+)$`, consumer, outcome))
	found := line.FindStringSubmatch(read(t, client, "http://maas/metrics"))
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	e2etest.Must(t, err)
	return n
}

// size returns the bytes of a host's database.
func size(t *testing.T, data string) (bytes int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), "postgres://postgres@/maas?host="+filepath.Join(data, "run"))
	e2etest.Must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	e2etest.Must(t, conn.QueryRow(t.Context(), "select pg_database_size(current_database())").Scan(&bytes))
	return bytes
}
