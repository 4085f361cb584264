package layout

import (
	"regexp"
	"testing"
)

// TestCallersThatPollBackOff holds that what polls Postgres for each waiting caller waits longer each time, by package backoff.
func TestCallersThatPollBackOff(t *testing.T) {
	t.Parallel()
	fixed := regexp.MustCompile(`\b(time\.(After|Sleep|Tick)|backoff\.Sleep)\(`)
	files := tracked(t, "shared/catalog/*.go", "shared/transfer/*.go", "shared/inference/*.go", "shared/deployment/*.go", "cmd/maas/push/*.go",
		"cmd/maas/commands/*.go", ":!*_test.go")
	if len(files) < 50 {
		t.Fatalf("only %d files were found", len(files))
	}
	for _, path := range files {
		if wait := fixed.Find(read(t, path)); wait != nil {
			t.Errorf("%s waits by %s…); package backoff waits longer each time, with jitter", path, wait)
		}
	}
}
