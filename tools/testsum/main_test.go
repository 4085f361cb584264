package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		events string
		ok     bool
		want   []string // lines, in this order, are all there is
	}{
		{"passes and shows go test's own line", `
			{"Action":"run","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"PASS\n"}
			{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
			{"Action":"pass","Package":"p"}`,
			true, []string{"ok  \tp\t0.1s", "1 passed, 0 failed"}},
		{"shows the output of a failure alone", `
			{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
			{"Action":"output","Package":"p","Test":"TestB","Output":"loud\n"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"fail","Package":"p","Test":"TestB"}
			{"Action":"fail","Package":"p"}`,
			false, []string{"loud", "1 passed, 1 failed"}},
		{"refuses a skip by name", `
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"skip","Package":"p","Test":"TestB"}`,
			false, []string{"skipped, which counts as failed: p TestB", "1 passed, 1 failed"}},
		{"names what passed when it ran again", `
			{"Action":"output","Package":"p","Test":"TestA","Output":"too slow\n"}
			{"Action":"fail","Package":"p","Test":"TestA"}
			{"Action":"pass","Package":"p","Test":"TestB"}
			{"Action":"fail","Package":"p"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"pass","Package":"p"}`,
			true, []string{"too slow", "failed at first, and passed alone: p TestA", "2 passed, 0 failed"}},
		{"counts a package that failed again though its test passed", `
			{"Action":"fail","Package":"p","Test":"TestA"}
			{"Action":"fail","Package":"p"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"fail","Package":"p"}`,
			false, []string{"failed at first, and passed alone: p TestA", "1 passed, 1 failed"}},
		{"takes a package without tests for no skip", `
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
			{"Action":"skip","Package":"q"}`,
			true, []string{"1 passed, 0 failed"}},
		{"counts a test that its process did not outlive", `
			{"Action":"output","Package":"p","Test":"TestA","Output":"panic: here\n"}
			{"Action":"fail","Package":"p"}`,
			false, []string{"panic: here", "0 passed, 1 failed"}},
		{"shows what came late, after another test's result", `
			{"Action":"output","Package":"p","Test":"TestA","Output":"=== CONT  TestA\n"}
			{"Action":"output","Package":"p","Test":"TestB","Output":"--- PASS: TestB (0.00s)\n"}
			{"Action":"output","Package":"p","Test":"TestB","Output":"panic: test timed out after 2s\n"}
			{"Action":"pass","Package":"p","Test":"TestB"}
			{"Action":"fail","Package":"p"}`,
			false, []string{"=== CONT  TestA", "panic: test timed out after 2s", "1 passed, 1 failed"}},
		{"counts a build that failed", `
			{"Action":"build-output","ImportPath":"p","Output":"p.go:1: no\n"}
			{"Action":"build-fail","ImportPath":"p"}
			{"Action":"fail","Package":"p","FailedBuild":"p"}
			{"Action":"pass","Package":"q","Test":"TestA"}`,
			false, []string{"p.go:1: no", "1 passed, 1 failed"}},
		{"counts a package that failed without a test", `
			{"Action":"output","Package":"p","Output":"TestMain: no server\n"}
			{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
			{"Action":"fail","Package":"p"}
			{"Action":"pass","Package":"q","Test":"TestA"}`,
			false, []string{"TestMain: no server", "FAIL\tp\t0.1s", "1 passed, 1 failed"}},
		{"passes on what is no event", `
			go: warning
			{"Action":"pass","Package":"p","Test":"TestA"}`,
			true, []string{"go: warning", "1 passed, 0 failed"}},
		{"names at the end what was left out", `
			{"Action":"left-out","Package":"q r"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
			{"Action":"pass","Package":"p"}`,
			true, []string{"ok  \tp\t0.1s", "left out, for want of time: q r", "1 passed, 0 failed"}},
		{"refuses a run without tests", ``, false, []string{"no test ran", "0 passed, 0 failed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			events := strings.TrimLeft(strings.ReplaceAll(tc.events, "\t\t\t", ""), "\n")

			ok, err := summarise(strings.NewReader(events), bufio.NewWriter(&out))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(tc.want, "\n") + "\n"; ok != tc.ok || out.String() != want {
				t.Errorf("ok %t, output:\n%s\nwant %t:\n%s", ok, out.String(), tc.ok, want)
			}
		})
	}
}
