package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objectstest"
)

const latestPath = "/v1/models/acme/fraud/versions/latest"

// catalogue is a database with models, and functions that read it.
type catalogue struct {
	*catalogtest.World

	vars map[string]string
}

func newCatalogue(b *testing.B) *catalogue {
	b.Helper()
	if os.Getenv("REDIS_URL") == "" {
		b.Fatal("REDIS_URL is not set: run the benchmarks under `bin/maas stores -- go test ...`, as `make bench` does")
	}
	c := &catalogue{World: catalogtest.New(b)}
	c.vars = maps.Clone(c.Vars)
	maps.Copy(c.vars, objectstest.Environment(b))
	c.vars["REDIS_URL"], c.vars["MAAS_CACHE_COUNTS_INTERVAL"] = os.Getenv("REDIS_URL"), "100ms"
	c.Ready(c.Model("fraud"), "1.0.0")
	return c
}

// versions starts a process of the function versions with more variables, and gives it as a target that is asked for fraud's latest.
func (c *catalogue) versions(b *testing.B, name string, more ...string) *target {
	b.Helper()
	address := freeAddress(b)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=versions", "LISTEN_ADDRESS="+address, "METRICS_ADDRESS=off", "MAAS_LOG_LEVEL=warn", // or a line for each read is among the results
		"GOMEMLIMIT=170MiB") // as on a cluster
	for name, value := range c.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, more...)
	go func() { start(b, cmd) }() // ends with the function, which writes nothing
	awaitReady(b, "http://"+address+"/health/readiness")
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", latestPath, c.Token(c.Owner))
	return &target{name: name, address: address, request: []byte(request)}
}

// BenchmarkRead reads a version by its alias, beside the same where nothing is kept.
func BenchmarkRead(b *testing.B) {
	c := newCatalogue(b)
	kept, read := c.versions(b, "kept"), c.versions(b, "uncached", "MAAS_READS_CACHE_BYTES=0")
	for b.Loop() {
		compare(b, 32, kept, read)
		b.ReportMetric(median(read.rates), "uncached-calls/s")
	}
}

const (
	names        = 1_000_000
	namesOfModel = 1_000
	absent       = 10 // of these names one is not there
	reads        = 40_000
)

// name is the version that a rank of the Zipf distribution stands for.
func name(rank uint64) (model, patch uint64) {
	return rank % (names / namesOfModel), rank / (names / namesOfModel)
}

func exists(rank uint64) bool { return (rank*2654435761)%absent != 0 }

const (
	insertModelsSQL   = `insert into models (id, tenant_id, name, created_by) select gen_random_uuid(), $1, 'm' || n, 'bench' from generate_series(0, $2::int - 1) n`
	insertVersionsSQL = `
		insert into versions (id, tenant_id, model_id, version, major, minor, patch, prerelease, status, created_by, published_at, digest, uri, size, format,
			runtime, inputs, outputs)
		select gen_random_uuid(), $1, m.id, '1.0.' || v.patch, 1, 0, v.patch, '~', 'published', 'bench', now(), repeat('0', 64), 'maas://bench', 1, 'onnx',
			'maas-onnx', '[{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]', '[{"name": "y", "datatype": "FP32", "shape": [-1]}]'
		from unnest($2::text[], $3::int[]) v (model, patch) join models m on m.tenant_id = $1 and m.name = v.model`
)

// fill makes those of the names that are asked for and exist: the others of the million would be rows that nobody reads.
func (c *catalogue) fill(b *testing.B, ranks []uint64) {
	b.Helper()
	var models []string
	var patches []int
	made := map[uint64]bool{}
	for _, rank := range ranks {
		if made[rank] || !exists(rank) {
			continue
		}
		made[rank] = true
		model, patch := name(rank)
		models, patches = append(models, fmt.Sprintf("m%d", model)), append(patches, int(patch))
	}
	c.Postgres.Owner(b, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, insertModelsSQL, c.Owner.Tenant, names/namesOfModel); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, insertVersionsSQL, c.Owner.Tenant, models, patches)
		return err
	})
}

// BenchmarkReadOfManyNames reads versions among a million names, of which a tenth do not exist, by Zipf's law, in two processes by turns, and reports how
// much each level of the cache answers.
func BenchmarkReadOfManyNames(b *testing.B) {
	c := newCatalogue(b)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, names-1)
	ranks := make([]uint64, reads)
	for i := range ranks {
		ranks[i] = zipf.Uint64()
	}
	c.fill(b, ranks)
	stats := c.stats(b)
	kept := []*target{c.versions(b, "kept"), c.versions(b, "kept")}
	uncached := []*target{c.versions(b, "uncached", "MAAS_READS_CACHE_BYTES=0")}
	for b.Loop() {
		before := stats()
		b.ReportMetric(c.readAll(b, ranks, kept), "calls/s")
		after := stats()
		b.ReportMetric(c.readAll(b, ranks[:reads/10], uncached), "uncached-calls/s")
		process, redis := hits(before, after, 0), hits(before, after, 1)
		b.ReportMetric(process, "process-hits")
		b.ReportMetric(redis, "redis-hits") // of those that the process did not have
		b.ReportMetric(process+(1-process)*redis, "hits")
		b.ReportMetric(0, "ns/op")
	}
}

// stats gives what all processes have counted, by a process of its own.
func (c *catalogue) stats(b *testing.B) func() api.CacheStats {
	b.Helper()
	e := env.New("bench", c.vars, c.Env.Logger())
	b.Cleanup(func() { _ = e.Close(context.Background()) })
	store, err := cache.Open(e)
	if err != nil {
		b.Fatal(err)
	}
	return func() api.CacheStats {
		time.Sleep(time.Second) // for the processes to have added what they counted
		s := store.Stats(b.Context())
		if s.Scope != "installation" {
			b.Fatalf("the counts are of scope %s", s.Scope)
		}
		return s
	}
}

func hits(before, after api.CacheStats, level int) float64 {
	hit := after.Levels[level].Hits - before.Levels[level].Hits
	missed := after.Levels[level].Misses - before.Levels[level].Misses
	return float64(hit) / float64(hit+missed)
}

// readAll reads the names over 32 connections, which take turns at the targets, and returns the reads in a second.
func (c *catalogue) readAll(b *testing.B, ranks []uint64, targets []*target) float64 {
	b.Helper()
	const connections = 32
	token := c.Token(c.Owner)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	began := time.Now()
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			for n := i; n < len(ranks); n += connections {
				if err := readOne(client, targets[n/connections%len(targets)].address, token, ranks[n]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(len(ranks)) / time.Since(began).Seconds()
}

func readOne(client *http.Client, address, token string, rank uint64) error {
	model, patch := name(rank)
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s/v1/models/acme/m%d/versions/1.0.%d", address, model, patch), http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if found := answer.StatusCode == http.StatusOK; found != exists(rank) {
		return fmt.Errorf("m%d@1.0.%d is answered %s, and exists is %v", model, patch, answer.Status, exists(rank))
	}
	return nil
}
