package decoding_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, vars map[string]string) (*decoding.Slots, error) {
	t.Helper()
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return decoding.Open(e)
}

// oneSlot returns slots of which there is one, and a queue of which a credential gets a single place.
func oneSlot(t *testing.T) *decoding.Slots {
	t.Helper()
	s, err := open(t, map[string]string{"MAAS_DECODES": "1", "MAAS_DECODE_QUEUE": "4"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func of(s *decoding.Slots, tenant string) *decoding.Work {
	w := s.Work(share.Holder{Tenant: tenant})
	return &w
}

func begin(t *testing.T, w *decoding.Work) {
	t.Helper()
	if err := w.Begin(t.Context(), large); err != nil {
		t.Fatal(err)
	}
}

// soon returns a context that ends after a time in which nothing would be waited for.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

const large = decoding.Small + 1

func TestLargeBodiesWaitForASlotAndSmallOnesDoNot(t *testing.T) {
	t.Parallel()
	s := oneSlot(t)
	first, second := of(s, "a"), of(s, "b")
	begin(t, first)
	begin(t, first) // it has one
	if err := second.Begin(soon(t), decoding.Small); err != nil {
		t.Errorf("a small body: %v", err)
	}
	if err := second.Begin(soon(t), large); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second large body: %v", err)
	}

	first.End()

	if err := second.Begin(t.Context(), large); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	first.End() // it holds none
	if err := first.Begin(soon(t), large); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a slot was given back twice: %v", err)
	}
	second.End()
}

func TestARefusalNamesTheSetting(t *testing.T) {
	t.Parallel()
	s := oneSlot(t)
	holder := of(s, "a")
	begin(t, holder)
	defer holder.End()
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	for range 2 { // of which one gets the place
		go func() { waits <- of(s, "b").Begin(ctx, large) }() // ends with ctx
	}
	err := <-waits
	faulttest.AssertKind(t, err, fault.RateLimited)
	if want := "This credential holds its share of the 4 places for large bodies that wait to be decoded (MAAS_DECODE_QUEUE); end what you hold, or try again later."; fault.From(err).Message != want {
		t.Errorf("the refusal is %v, want %q", err, want)
	}
	cancel()
	<-waits
}

func TestSettingsOutOfTheirRangeAreRefused(t *testing.T) {
	t.Parallel()
	for vars, good := range map[[2]string]bool{{"0", "4"}: true, {"3", "4096"}: true, {"-1", "4"}: false, {"1", "3"}: false} {
		_, err := open(t, map[string]string{"MAAS_DECODES": vars[0], "MAAS_DECODE_QUEUE": vars[1]})
		if (err == nil) != good {
			t.Errorf("%v: %v", vars, err)
		}
	}
}

func compress(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	to := gzip.NewWriter(&out)
	_, err := to.Write(content)
	if err := errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unzip is a decoder that reads nothing before its first Read.
type unzip struct {
	from    io.Reader
	content io.Reader
}

// Read implements io.Reader.
func (u *unzip) Read(p []byte) (int, error) {
	if u.content == nil {
		content, err := gzip.NewReader(u.from)
		if err != nil {
			return 0, err
		}
		u.content = content
	}
	return u.content.Read(p)
}

// expand returns a reader of a compressed body's content.
func expand(ctx context.Context, w *decoding.Work, body io.Reader) io.Reader {
	return w.Content(ctx, &unzip{from: w.Source(ctx, body)})
}

// TestABodyThatStopsHoldsNoSlot has a body stop in its middle, when far more than a small one has been expanded.
func TestABodyThatStopsHoldsNoSlot(t *testing.T) {
	t.Parallel()
	s := oneSlot(t)
	content := make([]byte, 4<<20)
	body := compress(t, content)
	sends, stops := io.Pipe()
	slow := of(s, "a")
	read := make(chan []byte)
	go func() { // ends when the body does
		got, _ := io.ReadAll(expand(t.Context(), slow, sends))
		slow.End()
		read <- got
	}()
	half := len(body) / 2
	if _, err := stops.Write(body[:half]); err != nil {
		t.Fatal(err)
	}

	other := of(s, "b")
	begin(t, other)
	other.End()

	go func() { // ends when the body has been read
		_, _ = stops.Write(body[half:])
		_ = stops.Close()
	}()
	if got := <-read; !bytes.Equal(got, content) {
		t.Errorf("%d bytes were read, want %d", len(got), len(content))
	}
}

// TestALongBodyLetsOthersInBetween has another wait for the slot in which a body is being expanded.
func TestALongBodyLetsOthersInBetween(t *testing.T) {
	t.Parallel()
	s := oneSlot(t)
	long, other := of(s, "a"), of(s, "b")
	body := expand(t.Context(), long, bytes.NewReader(compress(t, make([]byte, 8<<20))))
	if _, err := io.CopyN(io.Discard, body, 1<<20); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { // ends when the slot is free
		err := other.Begin(t.Context(), large)
		other.End()
		got <- err
	}()
	for {
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
			long.End()
			return
		default:
		}
		if n, err := io.CopyN(io.Discard, body, 32<<10); n == 0 {
			t.Fatalf("the other got no slot before the end: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestADeadlineEndsTheWaitWithinABody(t *testing.T) {
	t.Parallel()
	s := oneSlot(t)
	holder, late := of(s, "a"), of(s, "b")
	begin(t, holder)
	defer holder.End()

	n, err := io.Copy(io.Discard, expand(soon(t), late, bytes.NewReader(compress(t, make([]byte, 1<<20)))))

	if !errors.Is(err, context.DeadlineExceeded) || n < decoding.Small || n > 2*decoding.Small {
		t.Errorf("%d bytes were read without a slot: %v", n, err)
	}
}
