package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/invarianttest"
)

// TestAKillAtAnyMomentLosesNothing kills everything while a command pushes or publishes, starts it again on the same data, and expects the
// command to go on by itself and to end right. MAAS_KILLS sets how many times, MAAS_SEED at which moments.
func TestAKillAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	kills, moments := number(t, "MAAS_KILLS", 6), number(t, "MAAS_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("MAAS_KILLS=%d MAAS_SEED=%d", kills, moments)
	random := rand.New(rand.NewPCG(uint64(moments), 1))
	h := up(t)
	u := register(t, h.url)
	digits := u.of("digits")

	pushing := timed(func() { u.maas("push", digits+"@1.0.0", u.large(0)).ends(0, "verified") })
	publishing := timed(func() { u.maas("publish", digits+"@1.0.0").ends(0, "latest") })
	for round := 1; round <= kills; round++ {
		version := digits + "@1.0." + strconv.Itoa(round)
		file := u.large(round)
		if round%2 == 1 {
			u.survives(h, moment(random, pushing), "push", version, file).ok()
			u.maas("push", version, file).ends(0, "already there")
			u.maas("publish", version).ends(0, "latest")
		} else {
			u.maas("push", version, file).ends(0, "verified")
			u.survives(h, moment(random, publishing), "publish", version).ends(0, "latest")
		}
		u.infers(digits, "digits")
	}

	h.check(t)
}

// TestAKilledCommandGoesOnWhenItIsRunAgain kills the command and the host at the same time.
func TestAKilledCommandGoesOnWhenItIsRunAgain(t *testing.T) {
	t.Parallel()
	h := up(t)
	u := register(t, h.url)
	digits, file := u.of("digits"), u.large(1)
	for _, after := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		push := u.start("push", digits+"@1.0.0", file)
		time.Sleep(after)
		must(t, push.Process.Kill())
		_ = push.Wait() // killed
		h.kill()
		h.restart(t)
	}

	u.maas("push", digits+"@1.0.0", file).ok()
	u.maas("publish", digits+"@1.0.0").ends(0, "latest")
	u.infers(digits, "digits")
	h.check(t)
}

// survives runs a command, kills the host after a while, starts it again, and gives how the command ended.
func (u *user) survives(h *host, after time.Duration, arguments ...string) said {
	u.Helper()
	ended := make(chan said, 1)
	go func() { ended <- u.maas(arguments...) }() // it has a deadline
	time.Sleep(after)
	h.kill()
	h.restart(u.T)
	s := <-ended
	u.Logf("killed %s after %s", s.command, after)
	return s
}

// large writes a model of three chunks that computes what digits.onnx does, and is another file for each number.
func (u *user) large(n int) string {
	u.Helper()
	const (
		padding   = 20 << 20
		docString = 6<<3 | 2 // ModelProto.doc_string, a field of bytes: the last one counts
	)
	file := append(content(u.T, "digits.onnx"), docString)
	file = binary.AppendUvarint(file, padding)
	file = append(file, bytes.Repeat([]byte{byte('a' + n%26)}, padding)...)
	path := filepath.Join(u.home, fmt.Sprintf("%d.onnx", n))
	must(u.T, os.WriteFile(path, file, 0o600))
	return path
}

// check waits until all is quiet, ends the host, and checks the invariants of what it leaves.
func (h *host) check(t *testing.T) {
	t.Helper()
	h.quiet(t)
	h.stop()
	invarianttest.Installation{Vars: h.stores(t)}.Check(t)
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func moment(random *rand.Rand, within time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(within)))
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}
