package stores

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
)

// clear prepares the data for a server after a crash. It ends a server of an earlier run that is still there, and removes its lock files and
// socket: Postgres would take any live process with the id in them for its predecessor. The folder's lock tells that no other MaaS uses the
// data.
func (c *cluster) clear(ctx context.Context) error {
	pidFile := filepath.Join(c.data, "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if pid, err := strconv.Atoi(first); err == nil && pid > 0 {
		if err := c.end(ctx, pid); err != nil {
			return err
		}
	}
	socket := filepath.Join(c.run, ".s.PGSQL."+c.port())
	for _, stale := range []string{pidFile, socket + ".lock", socket} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("postgres: %w", err)
		}
	}
	return nil
}

// end stops an earlier run's server on this data by its process id (SIGQUIT), and returns when it is gone. It does nothing if serves says that the
// process is another. It fails if the server still runs after 15 seconds, or when ctx ends.
func (c *cluster) end(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for c.serves(pid) {
		_ = syscall.Kill(pid, syscall.SIGQUIT) // it has ended if this fails
		if err := backoff.Sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("postgres: the server of an earlier run (pid %d) does not end: %w", pid, err)
		}
	}
	return nil
}

// serves reports whether the process is a Postgres on this data. Without /proc, any process that lives counts as one.
func (c *cluster) serves(pid int) bool {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	switch {
	case err == nil:
		return strings.Contains(string(line), "postgres\x00-D\x00"+c.data+"\x00")
	case errors.Is(err, fs.ErrNotExist) && exists("/proc/self/cmdline"):
		return false
	default:
		return syscall.Kill(pid, 0) == nil
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
