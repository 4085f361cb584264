package serve

import (
	"strings"
	"testing"
	"time"
)

func TestTheStartIsReadWhateverTheCommandIsCalled(t *testing.T) {
	t.Parallel()
	rest := strings.Repeat(" 7", startField-1) + " 123456 9 9\n"
	for _, command := range []string{"users", "a b", "a) b (c", ""} {
		if got, ok := startTime([]byte("42 (" + command + ") S" + rest)); !ok || got != 123456*clockTick {
			t.Errorf("%q began after %s, %v", command, got, ok)
		}
	}
	for _, bad := range []string{"", "42 (x) S 1 2", "42 (x) S" + strings.Repeat(" x", 30)} {
		if _, ok := startTime([]byte(bad)); ok {
			t.Errorf("%q has a time", bad)
		}
	}
	if began, ok := processStart(); !ok || began.After(time.Now()) || time.Since(began) > time.Hour {
		t.Errorf("this process began at %s, %v", began, ok)
	}
}
