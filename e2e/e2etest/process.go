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

// Machine returns the environment of a process that is to find nothing prepared: without servers, and without this user's sessions.
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

// FreeAddress returns an address whose port the kernel gives to no client (ip_local_port_range begins at 32768), so that a host that was killed
// finds it free again.
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

// String returns what was kept.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// exitStatus is that of a command that ran, as a shell gives it.
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
