package localruntime

import (
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// ownPriority is this process's before it has started a child: the thread that starts one stays nicer.
var ownPriority, errPriority = syscall.Getpriority(syscall.PRIO_PROCESS, os.Getpid())

func TestAModelServerIsFiveStepsNicer(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	if status, text := b.call(version); status != http.StatusOK {
		t.Fatalf("answered %d: %s", status, text)
	}
	b.pool.mu.Lock()
	server := b.all[version].process.child.PID()
	b.pool.mu.Unlock()
	its, err := syscall.Getpriority(syscall.PRIO_PROCESS, server)
	if err != nil || errPriority != nil {
		t.Fatal(err, errPriority)
	}
	if its != max(ownPriority-5, 1) { // the system call gives 20 less the nice value
		t.Errorf("it has the nice value %d, and this process %d", 20-its, 20-ownPriority)
	}
}
