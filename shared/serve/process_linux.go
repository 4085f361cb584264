package serve

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc (USER_HZ, proc_pid_stat(5)).
const clockTick = 10 * time.Millisecond

// startField is the place of starttime among the fields that follow the command's name, which may hold spaces: the 22nd of all.
const startField = 22 - 3

// processStart returns when the kernel created this process, to 10 ms. It returns false if the kernel does not tell.
func processStart() (time.Time, bool) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return time.Time{}, false
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}, false
	}
	started, ok := startTime(text)
	age := time.Duration(now.Nano()) - started
	return time.Now().Add(-age), ok && age >= 0
}

// startTime returns when a process began, counted from the machine's start, out of its /proc/PID/stat. It returns false if the text is
// malformed.
func startTime(stat []byte) (time.Duration, bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= startField {
		return 0, false
	}
	ticks, err := strconv.ParseInt(string(fields[startField]), 10, 64)
	return time.Duration(ticks) * clockTick, err == nil
}
