//go:build cluster

package cluster

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// BenchmarkMemory shows what each function takes when it has just started, and at most while eight users go through the journey again and
// again for two minutes.
func BenchmarkMemory(b *testing.B) {
	client := inside(b)
	awaitZero(b, names(), "none")
	for _, name := range names() {
		coldStart(b, client, name)
	}
	time.Sleep(2 * time.Second)
	idle := usage(b)

	end := time.Now().Add(2 * time.Minute)
	var all sync.WaitGroup
	for range 8 {
		u := register(b)
		all.Go(func() { journeys(u, end) })
	}
	busy := peak(b, end)
	all.Wait()

	table := newTable("function", "idle", "busy")
	for _, name := range names() {
		at := functions + "/" + name + "/user-container"
		table.row(name, megabytes(idle[at].Memory), megabytes(busy[at]))
		b.ReportMetric(float64(busy[at])/(1<<20), name+"-MiB")
	}
	table.print()
	b.ReportMetric(0, "ns/op")
}

// journeys goes through all that a user does, until the end: 24 MiB are pushed each time, and one version of each user is published.
func journeys(u *e2etest.User, end time.Time) {
	digits := u.Of("digits")
	u.Serve("digits")
	for n := 1; time.Now().Before(end); n++ {
		version := digits + "@1.1." + strconv.Itoa(n)
		u.Maas("push", version, u.Padded(n, 24<<20)).OK()
		u.Infers(digits, "digits")
		u.Maas("alias", "set", digits, "production", "1.0.0").OK()
		for _, looks := range [][]string{{"models"}, {"versions", digits}, {"uploads"}, {"usage"}, {"keys"}, {"whoami"}, {"diff", digits + "@1.0.0", version}} {
			u.Maas(looks...).OK()
		}
		u.Maas("logout").OK()
		u.Typed(e2etest.Password, "login", u.Email, "--password-stdin").OK()
	}
}

// peak returns the most memory that each container was seen to take until the end.
func peak(b *testing.B, end time.Time) map[string]int64 {
	b.Helper()
	most := map[string]int64{}
	for time.Now().Before(end) {
		for name, u := range usage(b) {
			most[name] = max(most[name], u.Memory)
		}
		time.Sleep(500 * time.Millisecond)
	}
	return most
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
