package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfertest"
)

const raced = 64 << 10 // bytes of a chunk that is raced for

// bytesOf returns the bytes of a contender for a chunk's place.
func bytesOf(contender int) []byte {
	return bytes.Repeat([]byte{byte(contender)}, raced)
}

// writer is one request for the chunk's place, and what becomes of it.
type writer struct {
	contender int
	lies      bool          // its bytes do not have its digest
	breaks    int           // after so many bytes the client is gone; 0: never
	pauses    time.Duration // in the middle of its body
	starts    time.Duration
}

func drawWriter(t *rapid.T) writer {
	return writer{
		contender: rapid.IntRange(1, 3).Draw(t, "contender"),
		lies:      rapid.IntRange(0, 4).Draw(t, "lies") == 0,
		breaks:    rapid.SampledFrom([]int{0, 0, 0, 1, raced / 2, raced}).Draw(t, "breaks"),
		pauses:    time.Duration(rapid.SampledFrom([]int{0, 0, 0, 20, 100, 400}).Draw(t, "pauses")) * time.Millisecond,
		starts:    time.Duration(rapid.IntRange(0, 30).Draw(t, "starts")) * time.Millisecond,
	}
}

// run sends the chunk as the writer does, and reports whether it was answered with success.
func (w writer) run(ctx context.Context, world *transfertest.World, u api.Upload) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	content := bytesOf(w.contender)
	chunk := transfertest.ChunkOf(u, 0, content)
	if w.lies {
		content = bytesOf(w.contender + 10)
	}
	time.Sleep(w.starts)
	_, err := world.Receive(ctx, world.Owner, chunk, &body{content: content, w: w, gone: cancel})
	return err == nil
}

// body is a request's body as its client sends it.
type body struct {
	content []byte
	at      int
	w       writer
	gone    func()
}

func (b *body) Read(space []byte) (int, error) {
	if b.w.breaks > 0 && b.at >= b.w.breaks {
		b.gone()
		return 0, io.ErrUnexpectedEOF
	}
	if b.at >= raced/2 {
		time.Sleep(b.w.pauses)
		b.w.pauses = 0
	}
	n := copy(space[:min(len(space), 16<<10)], b.content[b.at:])
	b.at += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestAChunkThatWasAnsweredIsInTheStore is invariant 3: many writers, the same bytes and others, wrong ones, clients that go.
// Races do not replay, so that the writers are drawn by seed and not shrunk.
func TestAChunkThatWasAnsweredIsInTheStore(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, shortLeases(), map[string]string{"MAAS_UPLOAD_MAX_OPEN": "1000", "DATABASE_POOL": "10"})
	drawn := rapid.SliceOfN(rapid.Custom(drawWriter), 2, 8)
	for range 40 {
		seed := rand.IntN(1 << 30)
		writers := drawn.Example(seed)
		u := w.MustBegin(transfertest.Wanted(raced))
		won := winner(t, w, u, writers)
		if won == 0 { // then the place is free for anyone, soon
			won = 9
			sendUntilTaken(t, w, u, bytesOf(won))
		}
		if err := stored(t, w, u, bytesOf(won)); err != nil {
			t.Errorf("seed %d: %v; writers %+v", seed, err, writers)
		}
	}
}

// winner runs all writers at once and returns the contender whose bytes were acknowledged, 0 if none's were.
func winner(t *testing.T, w *transfertest.World, u api.Upload, writers []writer) (won int) {
	t.Helper()
	answered := make([]bool, len(writers))
	var all sync.WaitGroup
	for i, one := range writers {
		all.Go(func() { answered[i] = one.run(t.Context(), w, u) })
	}
	all.Wait()
	for i, one := range writers {
		// A liar may be answered too: what it names is stored already, and its bytes are not looked at.
		if answered[i] && won != 0 && won != one.contender {
			t.Errorf("contender %d was answered, as was %d: %+v", one.contender, won, writers)
		} else if answered[i] {
			won = one.contender
		}
	}
	return won
}

func sendUntilTaken(t *testing.T, w *transfertest.World, u api.Upload, content []byte) {
	t.Helper()
	for until := time.Now().Add(10 * lease); ; time.Sleep(lease / 10) {
		_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, content), bytes.NewBuffer(content))
		if err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the place is still taken: %v", err)
		}
	}
}

// stored checks that the store holds the bytes as the upload's one part, and that the upload can be completed with them.
func stored(t *testing.T, w *transfertest.World, u api.Upload, content []byte) error {
	t.Helper()
	m, _ := multipart(t, w, u)
	parts, err := w.Store.ListParts(t.Context(), m)
	if err != nil || len(parts) != 1 || parts[0].SHA256 != ref.SumOf(content) || parts[0].Size != int64(len(content)) {
		return fmt.Errorf("the store has %+v (%w), want %s", parts, err, ref.SumOf(content))
	}
	_, err = w.Complete(t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: []ref.Digest{ref.SumOf(content)}})
	return err
}

// TestAWriterWithoutTheDatabaseWritesNothing cuts a writer off from the database. Another one's bytes are taken meanwhile, and when the first
// one's bytes are all there they go nowhere.
func TestAWriterWithoutTheDatabaseWritesNothing(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"DATABASE_CONNECT_TIMEOUT": "500ms"})
	vars := maps.Clone(w.Vars)
	address, proxy := through(t, vars["DATABASE_URL"])
	vars["DATABASE_URL"] = address
	cut := w.Open(vars)
	u := w.MustBegin(transfertest.Wanted(raced))
	slow := &gated{content: bytesOf(1), half: func() {
		proxy.Stop()
		_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))
		w.Must(err)
	}}

	_, err := cut.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), slow)

	faulttest.AssertKind(t, err, fault.Unavailable)
	w.Must(stored(t, w, u, bytesOf(2)))
}

// TestAWriterWhoseLastBytesAreOnTheirWayIsWaitedFor has a store that is slow to answer a writer which has the lease. Other bytes are not sent
// until its lease is over.
func TestAWriterWhoseLastBytesAreOnTheirWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	const lease = 2 * time.Second
	w := transfertest.New(t, map[string]string{"MAAS_CHUNK_LEASE": lease.String(), "S3_DIAL_TIMEOUT": "500ms", "S3_ANSWER_TIMEOUT": "500ms"})
	vars := maps.Clone(w.Vars)
	address, proxy := through(t, vars["S3_ENDPOINT"])
	vars["S3_ENDPOINT"] = address
	cut := w.Open(vars)
	u := w.MustBegin(transfertest.Wanted(raced))
	slow := &gated{content: bytesOf(1), half: proxy.Stop} // then the store may still be about to keep what it was sent
	_, err := cut.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), slow)
	faulttest.AssertKind(t, err, fault.Unavailable)
	change(t, w, `insert into upload_chunks (upload, index, tenant_id, sha256, size, generation, until)
		values ($1, 0, $2, $3, $4, gen_random_uuid(), clock_timestamp() + $5)
		on conflict (upload, index) do update set until = excluded.until`,
		u.ID, w.Owner.Tenant, ref.SumOf(bytesOf(1)).Bytes(), raced, lease)

	began := time.Now()
	_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))

	if w.Must(err); time.Since(began) < lease-100*time.Millisecond {
		t.Errorf("other bytes were stored %s after a lease of %s was taken", time.Since(began), lease)
	}
	w.Must(stored(t, w, u, bytesOf(2)))
}

// gated is a body that stops in its middle.
type gated struct {
	content []byte
	at      int
	half    func()
}

func (g *gated) Read(space []byte) (int, error) {
	if g.at >= raced/2 && g.half != nil {
		g.half()
		g.half = nil
	}
	n := copy(space[:min(len(space), 16<<10)], g.content[g.at:])
	g.at += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestTheFirstWholeChunkWins has a writer in the middle of its body while others come with all of theirs.
func TestTheFirstWholeChunkWins(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(raced))
	slow := &gated{content: bytesOf(1), half: func() {
		_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))
		w.Must(err)
		_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(3)), bytes.NewReader(bytesOf(3)))
		faulttest.AssertKind(t, err, fault.Conflict, "sha256")
	}}

	_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), slow)

	faulttest.AssertKind(t, err, fault.Conflict, "sha256")
	w.Must(stored(t, w, u, bytesOf(2)))
}

// TestAWriterThatLostIsToldBeforeItsEnd has a writer whose client sends no more.
func TestAWriterThatLostIsToldBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*transfertest.World, api.Upload) (fault.Kind, error){
		"to other bytes": func(w *transfertest.World, u api.Upload) (fault.Kind, error) {
			_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))
			return fault.Conflict, err
		},
		"with its upload": func(w *transfertest.World, u api.Upload) (fault.Kind, error) {
			_, err := w.Cancel(t.Context(), w.Owner, api.CancelUploadRequest{ID: u.ID})
			return fault.Conflict, err
		},
		"to the same bytes": func(w *transfertest.World, u api.Upload) (fault.Kind, error) {
			_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), bytes.NewReader(bytesOf(1)))
			return "", err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := transfertest.New(t, shortLeases())
			u := w.MustBegin(transfertest.Wanted(raced))
			lost, ended := make(chan fault.Kind, 1), make(chan struct{})
			slow := &gated{content: bytesOf(1), half: func() { // in a goroutine of the store's client
				kind, err := then(w, u)
				w.Must(err)
				lost <- kind
				<-ended
			}}
			_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), slow)
			close(ended)
			want := <-lost
			if want == "" {
				w.Must(err)
				return
			}
			faulttest.AssertKind(t, err, want)
		})
	}
}

// TestADeadWriterHoldsNoPlace leaves a chunk half sent, as a killed process does.
func TestADeadWriterHoldsNoPlace(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(raced))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.Receive(ctx, w.Owner, transfertest.ChunkOf(u, 0, bytesOf(1)), &gated{content: bytesOf(1), half: cancel})
	faulttest.AssertKind(t, err, fault.Canceled)

	_, err = w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))

	w.Must(err)
	w.Must(stored(t, w, u, bytesOf(2)))
}

// TestAFreedHostTakesOtherBytesAtOnce is what a host that has just started does with what its former process held.
func TestAFreedHostTakesOtherBytesAtOnce(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(raced))
	change(t, w, `insert into upload_chunks (upload, index, tenant_id, sha256, size, generation, until)
		values ($1, 0, $2, $3, $4, gen_random_uuid(), clock_timestamp() + interval '1 hour')`,
		u.ID, w.Owner.Tenant, ref.SumOf(bytesOf(1)).Bytes(), raced)

	w.Must(w.Free(t.Context()))

	_, err := w.Receive(t.Context(), w.Owner, transfertest.ChunkOf(u, 0, bytesOf(2)), bytes.NewReader(bytesOf(2)))
	w.Must(err)
}

// TestOpenUploadsAreCountedWhoeverComesAtOnce races for the last places.
func TestOpenUploadsAreCountedWhoeverComesAtOnce(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"MAAS_UPLOAD_MAX_OPEN": "3"})
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			in := transfertest.Wanted(1)
			in.Filename = ref.Path(fmt.Sprintf("%d.onnx", i))
			_, errs[i] = w.Begin(t.Context(), w.Owner, in)
		})
	}
	all.Wait()

	refused := 0
	for _, err := range errs {
		if err != nil {
			faulttest.AssertKind(t, err, fault.QuotaExceeded)
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of 8 were refused, want 5", refused)
	}
	if n := unfinished(t, w); n != 3 {
		t.Errorf("the store has %d multiparts, want 3", n)
	}
}

func unfinished(t *testing.T, w *transfertest.World) (n int) {
	t.Helper()
	for _, err := range w.Store.Unfinished(t.Context(), "") {
		w.Must(err)
		n++
	}
	return n
}
