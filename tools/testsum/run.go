package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json; build-output and build-fail: go help buildjson).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events, in Package's place
	Test       string // "" in what concerns the package itself
	Output     string
	// FailedBuild is set in the failure of a package that was not built: its build-fail has been told before.
	FailedBuild string
}

type test struct{ pkg, name string }

// run is what is known so far. Output is kept only of tests that have not ended.
type run struct {
	out            *bufio.Writer
	output         map[test]*strings.Builder
	late           map[string]string // by package: what came after a passed test's result, which test2json takes for its own
	passed, failed int               // failed: packages and builds alone
	failures       map[test]bool
	again          []test // failed, and passed when they were run once more
	skipped        []test
	leftOut        []string // packages that tools/tests did not begin, for want of time
}

func newRun(out *bufio.Writer) *run {
	return &run{out: out, output: map[test]*strings.Builder{}, late: map[string]string{}, failures: map[test]bool{}}
}

// read reads events to their end, a line each. Lines that are no event, which go itself printed, are passed on.
func (r *run) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			r.out.Write(line)
		default:
			r.take(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take records one event.
func (r *run) take(e event) {
	switch t := (test{e.Package, e.Test}); {
	case e.Action == "build-output":
		fmt.Fprint(r.out, e.Output)
	case e.Action == "build-fail":
		r.failed++
	case e.Action == "left-out":
		r.leftOut = append(r.leftOut, e.Package)
	case e.Test == "":
		r.takePackage(e)
	case e.Action == "output":
		r.keep(t, e.Output)
	case e.Action == "pass":
		r.pass(t)
	case e.Action == "skip":
		r.skipped = append(r.skipped, t)
		delete(r.output, t)
	case e.Action == "fail":
		r.fail(t)
	}
}

// takePackage records an event of a package, and passes on what go test prints for it. When a package fails, its tests that still run count as
// failed. A package that fails without a failed test counts as one failure itself.
func (r *run) takePackage(e event) {
	switch {
	case e.Action == "output" && worthReading(e.Output):
		fmt.Fprint(r.out, e.Output)
		r.flush()
	case e.Action == "fail":
		for _, t := range r.running(e.Package) {
			r.fail(t)
		}
		fmt.Fprint(r.out, r.late[e.Package])
		if !r.blames(e.Package) && e.FailedBuild == "" {
			r.failed++
		}
	}
}

// worthReading returns false for lines that say nothing: PASS and FAIL alone, the shuffle's seed, packages without tests.
func worthReading(line string) bool {
	return line != "PASS\n" && line != "FAIL\n" && !strings.HasPrefix(line, "-test.shuffle ") && !strings.Contains(line, "[no test files]")
}

// flush writes what is buffered, so that a line is seen as each package ends. An error is returned by the flush at the end.
func (r *run) flush() { _ = r.out.Flush() }

// keep adds to the output of a test that has not ended.
func (r *run) keep(t test, output string) {
	if r.output[t] == nil {
		r.output[t] = &strings.Builder{}
	}
	r.output[t].WriteString(output)
}

// pass counts a test that passed, and drops its output. One that failed before is recorded as run again.
func (r *run) pass(t test) {
	r.passed++
	if r.failures[t] {
		delete(r.failures, t)
		r.again = append(r.again, t)
	}
	if kept := r.output[t]; kept != nil {
		_, result, _ := strings.Cut(kept.String(), "--- PASS: "+t.name+" (")
		_, late, _ := strings.Cut(result, "\n")
		r.late[t.pkg] += late
	}
	delete(r.output, t)
}

// fail records a test that failed, and prints its output.
func (r *run) fail(t test) {
	r.failures[t] = true
	if kept := r.output[t]; kept != nil {
		fmt.Fprint(r.out, kept)
	}
	delete(r.output, t)
}

// blames reports whether a test of the package has failed, and has not passed since.
func (r *run) blames(pkg string) bool {
	for t := range r.failures {
		if t.pkg == pkg {
			return true
		}
	}
	return false
}

// running returns the package's tests that have output and have not ended, by name.
func (r *run) running(pkg string) []test {
	running := slices.DeleteFunc(slices.Collect(maps.Keys(r.output)), func(t test) bool { return t.pkg != pkg })
	slices.SortFunc(running, func(a, b test) int { return strings.Compare(a.name, b.name) })
	return running
}

// close writes the summary and reports whether all is well: nothing failed or was skipped, and at least one test passed.
func (r *run) close() bool {
	for _, t := range r.skipped {
		fmt.Fprintf(r.out, "skipped, which counts as failed: %s %s\n", t.pkg, t.name)
	}
	for _, t := range r.again {
		fmt.Fprintf(r.out, "failed at first, and passed alone: %s %s\n", t.pkg, t.name)
	}
	for _, packages := range r.leftOut {
		fmt.Fprintf(r.out, "left out, for want of time: %s\n", packages)
	}
	failed := r.failed + len(r.failures) + len(r.skipped)
	if r.passed+failed == 0 {
		fmt.Fprintln(r.out, "no test ran")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed\n", r.passed, failed)
	return failed == 0 && r.passed > 0
}
