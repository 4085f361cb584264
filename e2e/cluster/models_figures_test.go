//go:build cluster

package cluster

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// phases are how long the parts of a model's start took, in milliseconds.
type phases struct {
	Schedule int64 `json:"schedule_ms"`
	Fetch    int64 `json:"fetch_ms"`
	Load     int64 `json:"load_ms"`
}

// BenchmarkModelColdStart measures the start of a model of 100 MB: as its version is published, by phase, and as it is called when it has no pod.
func BenchmarkModelColdStart(b *testing.B) {
	u := register(b)
	table := newTable("round", "publish → ready", "schedule", "fetch", "load", "first answer from zero")
	var published, called []time.Duration
	started, requests := make([]phases, rounds), make([]string, rounds)
	for n := range rounds {
		model := u.Of("large" + strconv.Itoa(n))
		file, request := weights(b, n)
		requests[n] = request
		u.Maas("push", model+"@1.0.0", file).Ends(0, "verified")
		var version struct {
			Deployment struct{ Phases phases }
		}
		began := time.Now()
		u.Maas("publish", model+"@1.0.0", "--output", "json").OK().Read(&version)
		published = append(published, time.Since(began))
		started[n] = version.Deployment.Phases
	}
	awaitZero(b, nil, u.Tenant)
	for n := range rounds {
		began := time.Now()
		u.Maas("infer", u.Of("large"+strconv.Itoa(n)), "-f", requests[n]).OK()
		called = append(called, time.Since(began))
	}

	for n, p := range started {
		ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
		table.row(n+1, published[n].Round(time.Millisecond), ms(p.Schedule), ms(p.Fetch), ms(p.Load), called[n].Round(time.Millisecond))
	}
	table.print()
	b.ReportMetric(median(published).Seconds()*1000, "publish-ms")
	b.ReportMetric(median(called).Seconds()*1000, "from-zero-ms")
	b.ReportMetric(0, "ns/op")
}

const (
	manyVersions = 100
	atOnce       = 5  // of them are published
	named        = 14 // have an alias of their own; with latest's target and the five before it, twenty run
)

// BenchmarkManyVersions publishes a hundred versions of which twenty are to run. It shows what the controllers take for that and afterwards,
// when nothing happens, and how long one more version needs then, beside the first.
func BenchmarkManyVersions(b *testing.B) {
	u := register(b)
	m := many{b, u, e2etest.Visit(b, u.Server)}
	m.s.Token = u.Key("model:*", "upload:*", "version:*") // a session is shorter
	m.s.Post("/v1/models", `{"name":"many"}`, http.StatusCreated, nil)
	first := m.publish(0)

	working := controllers(b)
	for n := 1; n < manyVersions; n += atOnce {
		m.publish(n, min(n+atOnce, manyVersions)-1)
	}
	for n := range named {
		u.Maas("alias", "set", u.Of("many"), fmt.Sprintf("alias-%d", n), version(n)).OK()
	}
	worked := working.since(b)
	resting := controllers(b)
	time.Sleep(time.Minute)
	rested := resting.since(b)
	running := len(strings.Fields(kubectl(b, "get", "inferenceservices.serving.kserve.io", "--namespace", models, "--output=name")))
	more := m.publish(manyVersions)

	table := newTable("", "alone", fmt.Sprintf("beside %d published, %d running", manyVersions, running))
	table.row("publish → ready", first.Round(time.Millisecond), more.Round(time.Millisecond))
	table.print()
	cpu := newTable("controllers", "cores while they are published", "cores at rest")
	for _, name := range slices.Sorted(maps.Keys(worked)) {
		cpu.row(name, fmt.Sprintf("%.3f", worked[name]), fmt.Sprintf("%.3f", rested[name]))
	}
	cpu.print()
	b.ReportMetric(first.Seconds()*1000, "first-ms")
	b.ReportMetric(more.Seconds()*1000, "one-more-ms")
	b.ReportMetric(0, "ns/op")
}

func version(n int) string { return fmt.Sprintf("1.0.%d", n) }

// many is a model of many versions, and who publishes them.
type many struct {
	*testing.B

	u *e2etest.User
	s e2etest.Site
}

// publish publishes the versions of two numbers and those between, and returns how long it took until all were ready. One number is one version.
func (m many) publish(from int, to ...int) time.Duration {
	m.Helper()
	last := append(to, from)[0]
	var paths []string
	for n := from; n <= last; n++ {
		m.s.Upload(m.u.Of("many"), version(n), e2etest.Content(m, "digits.onnx"))
		paths = append(paths, "/v1/models/"+m.u.Of("many")+"/versions/"+version(n))
	}
	began := time.Now()
	for _, path := range paths {
		m.s.Post(path+"/publish", `{}`, http.StatusAccepted, nil)
	}
	for _, path := range paths {
		var seen struct {
			Deployment struct{ Status, Reason string }
		}
		await(m, path+" is ready", 5*time.Minute, func() (string, bool) {
			m.s.Must(functiontest.Request{Method: http.MethodGet, Path: path, Token: m.s.Token}, http.StatusOK, &seen)
			return fmt.Sprint(seen), slices.Contains([]string{"ready", "idle", "removed"}, seen.Deployment.Status)
		})
	}
	return time.Since(began)
}

// work is what the controllers had used at a time.
type work struct {
	at   time.Time
	used map[string]time.Duration
}

// controllers returns the CPU of what acts on versions that are published, by its namespace; of MaaS, deploy-version alone.
func controllers(t testing.TB) work {
	t.Helper()
	w := work{time.Now(), map[string]time.Duration{}}
	for name, u := range usage(t) {
		namespace, rest, _ := strings.Cut(name, "/")
		switch {
		case namespace == functions && strings.HasPrefix(rest, "deploy-version/"):
			w.used["deploy-version"] += u.CPU
		case namespace == "kserve", strings.HasPrefix(namespace, "knative-"), namespace == "traefik":
			w.used[namespace] += u.CPU
		}
	}
	return w
}

// since returns how many cores they have used on average. A pod that has ended meanwhile took its count with it.
func (w work) since(t testing.TB) map[string]float64 {
	t.Helper()
	now, cores := controllers(t), map[string]float64{}
	for name, used := range now.used {
		cores[name] = max(0, used-w.used[name]).Seconds() / now.at.Sub(w.at).Seconds()
	}
	return cores
}
