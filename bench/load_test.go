package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// target is a server under load.
type target struct {
	name    string
	address string // host:port
	request []byte // as it goes over the wire
	rates   []float64
	p50s    []time.Duration
	p99s    []time.Duration
}

// request returns a POST of the body over HTTP/1.1.
func request(path, body string, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// press loads the target from so many connections at once, each of which asks when it has been answered, and keeps what it saw.
func (t *target) press(b *testing.B, connections int, d time.Duration) {
	b.Helper()
	var (
		mu   sync.Mutex
		took []time.Duration
		all  sync.WaitGroup
	)
	began := time.Now()
	for range connections {
		all.Go(func() {
			mine, err := t.ask(began.Add(d))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if err != nil {
				b.Errorf("%s: %v", t.name, err)
			}
		})
	}
	all.Wait()
	if len(took) == 0 {
		b.Fatalf("%s answered nothing", t.name)
	}
	slices.Sort(took)
	t.rates = append(t.rates, float64(len(took))/time.Since(began).Seconds())
	t.p50s = append(t.p50s, took[len(took)/2])
	t.p99s = append(t.p99s, took[len(took)*99/100])
}

// ask goes on until the end, on one connection.
func (t *target) ask(end time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for now := time.Now(); now.Before(end); {
		if _, err := conn.Write(t.request); err != nil {
			return took, err
		}
		if err := readAnswer(in); err != nil {
			return took, err
		}
		done := time.Now()
		took = append(took, done.Sub(now))
		now = done
	}
	return took, nil
}

// readAnswer reads one answer of status 200 with a Content-Length: it costs less than http.ReadResponse, on the machine that is measured.
func readAnswer(in *bufio.Reader) error {
	length := 0
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if n == 0 && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("the answer is %s", line)
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := io.CopyN(io.Discard, in, int64(length))
	return err
}

// rounds is how often each target is pressed, in turns.
const rounds = 5

func median[T float64 | time.Duration](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// compare presses all targets in turns, and reports the first's rate with its ratios to the others'.
func compare(b *testing.B, connections int, targets ...*target) {
	b.Helper()
	for range rounds {
		for _, t := range targets {
			t.press(b, connections, 500*time.Millisecond)
		}
	}
	ours := targets[0]
	b.ReportMetric(median(ours.rates), "calls/s")
	b.ReportMetric(float64(median(ours.p50s).Microseconds()), "p50-µs")
	b.ReportMetric(float64(median(ours.p99s).Microseconds()), "p99-µs")
	b.ReportMetric((slices.Max(ours.rates)-slices.Min(ours.rates))/median(ours.rates), "spread")
	for _, peer := range targets[1:] {
		b.ReportMetric(median(ours.rates)/median(peer.rates), "of-"+peer.name)
		if connections == 1 {
			b.ReportMetric(float64((median(ours.p50s) - median(peer.p50s)).Microseconds()), "µs-over-"+peer.name)
		}
	}
	b.ReportMetric(0, "ns/op") // a round has no meaning as an operation
}
