//go:build cluster

package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// BenchmarkCompleteToReady measures the way of an event: from the commit that completes an upload of a kilobyte, by the broker, to the commit
// that makes its file the version's. Cold is with no pod of verify-upload; warm, with one.
func BenchmarkCompleteToReady(b *testing.B) {
	u := register(b)
	s := u.Site()
	file := e2etest.Content(b, "digits.onnx")
	db := database(b)
	measured := func(n int) time.Duration {
		version := fmt.Sprintf("1.0.%d", n)
		upload := s.Upload(u.Of("digits"), version, file)
		ms := one[float64](b, db, `
			select extract(epoch from v.time - c.time)::float8 * 1000 from outbox c join outbox v on v.subject = c.subject
			where c.type = 'maas.upload.completed.v1' and v.type = 'maas.upload.verified.v1' and c.subject = $1`, upload[len("/v1/uploads/"):])
		return time.Duration(ms * float64(time.Millisecond))
	}
	s.Post("/v1/models", `{"name":"digits"}`, 201, nil)
	measured(0)
	var warm, cold []time.Duration
	for n := range 30 {
		warm = append(warm, measured(n+1))
	}
	for n := range rounds {
		awaitZero(b, []string{"verify-upload"}, u.Tenant)
		cold = append(cold, measured(n+100))
	}

	table := newTable("complete → ready", "times", "median", "p95", "most")
	row := func(name string, took []time.Duration) {
		ms := func(q float64) time.Duration { return quantile(took, q).Round(time.Millisecond) }
		table.row(name, len(took), ms(0.5), ms(0.95), ms(1))
	}
	row("warm", warm)
	row("cold", cold)
	table.print()
	b.ReportMetric(median(warm).Seconds()*1000, "warm-ms")
	b.ReportMetric(median(cold).Seconds()*1000, "cold-ms")
	b.ReportMetric(0, "ns/op")
}
