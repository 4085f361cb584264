package metering_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestATornLineCostsNoOther(t *testing.T) {
	t.Parallel()
	s, folder := newSink(t), t.TempDir()
	s.away.Store(true)
	m, stop := s.open(t, folder)
	for range 3 {
		m.Count(call(t))
	}
	torn := copyOf(t, folder)
	path := files(t, torn, "*.open")[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[1] = lines[1][:20] + "\n" // as a disk leaves it that was full for a moment
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	stop()
	s.away.Store(false)

	s.open(t, torn)

	eventually(t, func() bool { n, _ := s.numbers(); return n == 2 })
}

func TestABatchThatCannotBeReadForAWhileIsNotLost(t *testing.T) {
	t.Parallel()
	s, folder := newSink(t), t.TempDir()
	s.away.Store(true)
	m, _ := s.open(t, folder)
	m.Count(call(t))
	eventually(t, func() bool { return len(files(t, folder, "*.batch")) == 1 })
	path := files(t, folder, "*.batch")[0]
	aside := path + ".aside"
	if err := errors.Join(os.Rename(path, aside), os.Mkdir(path, 0o700)); err != nil { // a read fails, and not because nothing is there
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // it is tried
	if err := errors.Join(os.RemoveAll(path), os.Rename(aside, path)); err != nil {
		t.Fatal(err)
	}
	s.away.Store(false)

	eventually(t, func() bool { n, _ := s.numbers(); return n == 1 })
}
