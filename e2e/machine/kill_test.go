package machine

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/invarianttest"
)

// TestAKillAtAnyMomentLosesNothing kills everything while a command pushes or publishes, starts it again on the same data, and expects the
// command to go on by itself and to end right. MAAS_KILLS sets how many times, MAAS_SEED at which moments.
func TestAKillAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	kills, moments := number(t, "MAAS_KILLS", 6), number(t, "MAAS_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("MAAS_KILLS=%d MAAS_SEED=%d", kills, moments)
	random := rand.New(rand.NewPCG(uint64(moments), 1))
	h := e2etest.Up(t)
	u := e2etest.Register(t, h.URL)
	digits := u.Of("digits")

	pushing := timed(func() { u.Maas("push", digits+"@1.0.0", u.Large(0)).Ends(0, "verified") })
	publishing := timed(func() { u.Maas("publish", digits+"@1.0.0").Ends(0, "latest") })
	for round := 1; round <= kills; round++ {
		version := digits + "@1.0." + strconv.Itoa(round)
		file := u.Large(round)
		if round%2 == 1 {
			survives(u, h, moment(random, pushing), "push", version, file).OK()
			u.Maas("push", version, file).Ends(0, "already there")
			u.Maas("publish", version).Ends(0, "latest")
		} else {
			u.Maas("push", version, file).Ends(0, "verified")
			survives(u, h, moment(random, publishing), "publish", version).Ends(0, "latest")
		}
		u.Infers(digits, "digits")
	}

	check(t, h)
}

// TestAKilledCommandGoesOnWhenItIsRunAgain kills the command and the host at the same time.
func TestAKilledCommandGoesOnWhenItIsRunAgain(t *testing.T) {
	t.Parallel()
	h := e2etest.Up(t)
	u := e2etest.Register(t, h.URL)
	digits, file := u.Of("digits"), u.Large(1)
	for _, after := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		push := u.Begin("push", digits+"@1.0.0", file)
		time.Sleep(after)
		e2etest.Must(t, push.Process.Kill())
		_ = push.Wait() // killed
		h.Kill()
		h.Restart(t)
	}

	u.Maas("push", digits+"@1.0.0", file).OK()
	u.Maas("publish", digits+"@1.0.0").Ends(0, "latest")
	u.Infers(digits, "digits")
	check(t, h)
}

// survives has a user run a command, kills the host after a while, starts it again, and returns how the command ended.
func survives(u *e2etest.User, h *e2etest.Host, after time.Duration, arguments ...string) e2etest.Said {
	u.Helper()
	ended := u.Meanwhile(arguments...)
	time.Sleep(after)
	h.Kill()
	h.Restart(u)
	s := <-ended
	u.Logf("killed %s after %s", s.Command, after)
	return s
}

// check waits until all is quiet, ends the host, and checks the invariants of what it leaves.
func check(t *testing.T, h *e2etest.Host) {
	t.Helper()
	h.Quiet(t)
	h.Stop()
	invarianttest.Installation{Vars: h.Stores(t)}.Check(t)
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
	e2etest.Must(t, err)
	return n
}
