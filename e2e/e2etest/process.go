package e2etest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Machine returns the variables of this process without those of MaaS and of its servers, so that another process finds nothing prepared.
func Machine() []string {
	var kept []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		server := name == "DATABASE_URL" || name == "MIGRATE_DATABASE_URL" || name == "REDIS_URL" || name == "K_SINK" || strings.HasPrefix(name, "S3_")
		if !server && !strings.HasPrefix(name, "MAAS_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// FreeAddress returns a free local address. The kernel gives its port to no client (ip_local_port_range begins at 32768), so that a host that was
// killed finds it free again.
func FreeAddress() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
}

// Log keeps the end of what a process writes.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const keptLog = 64 << 10

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > keptLog {
		l.text.Next(l.text.Len() - keptLog/2)
	}
	return l.text.Write(p)
}

// String returns the end of what was written, at most 64 KiB and one write.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// exitStatus returns the exit status of a command that ended with err, 0 for nil. It ends the test if the command could not be run.
func exitStatus(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}
