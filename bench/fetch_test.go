package bench

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// BenchmarkFetch brings a version into an empty folder, beside peers that read the same objects by as many ranges at once and check nothing: one
// keeps nothing either, which is the rate of the store; the other writes files, as a plain download does. All of them and the store share the
// machine's cores, so what each costs of them is told too.
func BenchmarkFetch(b *testing.B) {
	for _, version := range []struct {
		name  string
		sizes []int64
	}{{"one=1GiB", []int64{1 << 30}}, {"one=100MB", []int64{100e6}}, {"files=256x1MiB", slices.Repeat([]int64{1 << 20}, 256)}} {
		b.Run(version.name, func(b *testing.B) {
			s := objectstest.New(b)
			uri, files := versionOf(b, s, version.sizes)
			ways := []*way{
				{name: "fetch", bring: func(dir string) error { _, err := objects.Fetch(b.Context(), s, uri, dir); return err }},
				{name: "get", bring: func(string) error { return getAll(b, s, files, discard{}) }},
				{name: "get-to-disk", bring: func(dir string) error { return getAll(b, s, files, folder(dir)) }},
			}
			for b.Loop() {
				compareWays(b, float64(files.Size()), ways)
			}
		})
	}
}

// way is a way to bring a version into a folder.
type way struct {
	name  string
	bring func(dir string) error
	rates []float64 // MB/s
	costs []float64 // seconds of a core for a GB, without the store's
}

func (w *way) measure(b *testing.B, size float64) {
	b.Helper()
	dir := b.TempDir()
	began, spent := time.Now(), cores(b)
	if err := w.bring(dir); err != nil {
		b.Fatal(err)
	}
	w.rates = append(w.rates, size/1e6/time.Since(began).Seconds())
	w.costs = append(w.costs, (cores(b)-spent).Seconds()/size*1e9)
	_ = os.RemoveAll(dir)
	syscall.Sync() // what one has written shall not be written while the next is measured
}

// cores returns the time that this process has taken of all cores.
func cores(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func compareWays(b *testing.B, size float64, ways []*way) {
	b.Helper()
	for range rounds {
		for _, w := range ways {
			w.measure(b, size)
		}
	}
	ours := ways[0]
	b.ReportMetric(median(ours.rates), "MB/s")
	b.ReportMetric((slices.Max(ours.rates)-slices.Min(ours.rates))/median(ours.rates), "spread")
	b.ReportMetric(median(ours.costs), "core-s/GB")
	for _, peer := range ways[1:] {
		b.ReportMetric(median(ours.rates)/median(peer.rates), "of-"+peer.name)
		b.ReportMetric(median(peer.costs), "core-s/GB-"+peer.name)
	}
	b.ReportMetric(0, "ns/op") // a round has no meaning as an operation
}

// span and spans are the peers' ranges: what is usual, and enough for any store on one machine.
const (
	span  = 8 << 20
	spans = 8
)

// getAll reads objects by plain ranged GETs of addresses that are signed beforehand.
func getAll(b *testing.B, s *objects.Store, files objects.Manifest, to sink) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: spans, ReadBufferSize: 64 << 10}}
	defer client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(spans)
	var open []io.Closer // until the round is over
	defer func() {
		for _, out := range open {
			_ = out.Close()
		}
	}()
	for n, file := range files {
		signed, err := s.PresignGet(ctx, file.Object, "x", time.Hour)
		if err != nil {
			return err
		}
		out, err := to.open(n)
		if err != nil {
			return err
		}
		open = append(open, out)
		for at := int64(0); at < file.Size; at += span {
			group.Go(func() error { return get(client, signed.URL, io.NewOffsetWriter(out, at), at, min(span, file.Size-at)) })
		}
	}
	return group.Wait()
}

func get(client *http.Client, address string, to io.Writer, at, length int64) error {
	r, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at+length-1))
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	buffer := make([]byte, 256<<10)
	n, err := io.CopyBuffer(to, answer.Body, buffer)
	if err == nil && n != length {
		err = fmt.Errorf("%d bytes came, want %d: %s", n, length, answer.Status)
	}
	return err
}

// sink is where a peer's bytes go.
type sink interface {
	open(file int) (sinkFile, error)
}

type sinkFile interface {
	io.WriterAt
	io.Closer
}

type discard struct{}

func (discard) open(int) (sinkFile, error)             { return discard{}, nil }
func (discard) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (discard) Close() error                           { return nil }

type folder string

func (f folder) open(file int) (sinkFile, error) {
	return os.Create(filepath.Join(string(f), strconv.Itoa(file)))
}

// versionOf puts files of random bytes and their manifest into the store.
func versionOf(b *testing.B, s *objects.Store, sizes []int64) (objects.URI, objects.Manifest) {
	b.Helper()
	tenant, files := uuid.New(), []objects.ManifestFile(nil)
	for n, size := range sizes {
		file, err := object(b, s, tenant, uint64(n), size)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, file)
	}
	m, err := objects.NewManifest(tenant, files)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Put(b.Context(), objects.ManifestKey(tenant, m.Digest()), m.Encode()); err != nil {
		b.Fatal(err)
	}
	return objects.URI{Bucket: s.Bucket(), Tenant: tenant, Digest: m.Digest()}, m
}

// object uploads random bytes in parts, as an upload through MaaS does.
func object(b *testing.B, s *objects.Store, tenant uuid.UUID, seed uint64, size int64) (objects.ManifestFile, error) {
	const part = 64 << 20
	key := objects.UploadKey(tenant, uuid.New())
	m, err := s.CreateMultipart(b.Context(), key)
	if err != nil {
		return objects.ManifestFile{}, err
	}
	source, whole, parts := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}), sha256.New(), []objects.Part(nil)
	for at := int64(0); at < size; at += part {
		content := make([]byte, min(part, size-at))
		_, _ = source.Read(content) // never fails
		_, _ = whole.Write(content) // never fails
		p := objects.Part{Number: int32(at/part) + 1, Size: int64(len(content)), SHA256: ref.SumOf(content)}
		if p, err = s.PutPart(b.Context(), m, p, bytes.NewReader(content)); err != nil {
			return objects.ManifestFile{}, err
		}
		parts = append(parts, p)
	}
	_, err = s.Complete(b.Context(), m, parts)
	path := ref.Path(fmt.Sprintf("file-%04d.bin", seed))
	return objects.ManifestFile{Path: path, Size: size, SHA256: ref.DigestOf(whole.Sum(nil)), Object: key}, err
}
