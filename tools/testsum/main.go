// Command testsum reads what `go test -json` writes and says what matters: go test's own line for each package, all output of what
// failed, and at the end "N passed, N failed". It exits with 1 if anything failed, if a test was skipped (a check that does not run
// must not look like one that passed), or if no test ran at all. A test that failed and then was run again, and passed, is named.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	ok, err := summarise(os.Stdin, out)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// summarise reads the events to their end, writes the summary, and reports whether all tests passed and at least one ran. It fails only if it
// cannot read or write.
func summarise(events io.Reader, out *bufio.Writer) (bool, error) {
	run := newRun(out)
	if err := run.read(events); err != nil {
		return false, err
	}
	return run.close(), out.Flush()
}
