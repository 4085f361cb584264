package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mib = 1 << 20

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestTheRateIsThatOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	m := &meter{}
	m.begin(start, 1000*mib, 0)
	at := start
	for range 100 { // slow for 20 s
		at = at.Add(step)
		m.add(at, mib/10)
	}
	for range 100 { // fast for 20 s
		at = at.Add(step)
		m.add(at, mib)
	}
	r := m.read(at)
	if got := r.rate / mib; got < 4.8 || got > 5.2 {
		t.Errorf("%.2f MiB/s, want 5", got)
	}
	if want := time.Duration(float64(r.size-r.done) / r.rate * float64(time.Second)); r.left != want {
		t.Errorf("%v left, want %v", r.left, want)
	}
}

func TestWhatIsThereAlreadyCountsForNoRate(t *testing.T) {
	t.Parallel()
	m := &meter{}
	m.begin(start, 100*mib, 90*mib)
	m.add(start.Add(time.Second), mib)
	if r := m.read(start.Add(time.Second)); r.rate != mib || r.left != 9*time.Second || r.done != 91*mib {
		t.Errorf("%+v", r)
	}
}

func TestNoRateIsShownBeforeItIsKnown(t *testing.T) {
	t.Parallel()
	m := &meter{}
	if got := m.read(start).String(); got != "0 B of 0 B (0 %)" {
		t.Error(got)
	}
	m.begin(start, mib, 0)
	if got := m.read(start).String(); got != "0 B of 1.0 MiB (0 %)" {
		t.Error(got)
	}
}

func TestAMeterKeepsFewSamplesAndNeverANegativeRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &meter{}
		m.begin(start, 100*mib, 0)
		at := start
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			m.add(at, rapid.Int64Range(-mib, mib).Draw(t, "bytes"))
			if r := m.read(at); r.rate < 0 {
				t.Fatalf("%+v", r)
			}
		}
		if most := int(window/step) + 3; len(m.samples) > most {
			t.Fatalf("%d samples, at most %d", len(m.samples), most)
		}
	})
}

func TestAmountsReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", mib - 1: "1.0 MiB", mib: "1.0 MiB", 5 << 30: "5.0 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTimesReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0:00", 1500 * time.Millisecond: "0:02", 42 * time.Second: "0:42", time.Hour + 2*time.Minute + 3*time.Second: "1:02:03",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestLinesTellOfEachPhaseOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := NewLines(&out)
	l.Begin("a.onnx", 4, 2)
	l.Sent(2)
	for _, phase := range []api.UploadPhase{api.Assembling, api.Assembling, api.Hashing, api.Hashing, api.Done} {
		l.Phase(phase, 0.5)
	}
	l.End()
	want := "a.onnx: 2 B of 4 B (50 %)\na.onnx: 4 B of 4 B (100 %)\n" +
		"a.onnx: assembling (50 %)\na.onnx: hashing (50 %)\na.onnx: done\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestABarEndsWhateverBecomesOfTheFile(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := NewBar(&out)
	for _, last := range []api.UploadPhase{api.Done, api.Hashing} {
		b.Begin("a.onnx", 4, 4)
		b.Phase(last, 1)
		ended := make(chan struct{})
		go func() { b.End(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the bar does not end")
		}
	}
	b.Wait()
	if strings.Contains(out.String(), "receiving") {
		t.Error(out.String())
	}
}

func TestABarIsDrawnOnlyWhereTheCursorMoves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		terminal string
		height   int
		want     bool
	}{
		{"xterm-256color", 24, true}, {"linux", 24, true}, {"dumb", 24, false}, {"", 24, false}, {"xterm", 0, false},
	} {
		if got := movesCursor(test.terminal, test.height); got != test.want {
			t.Errorf("TERM=%s of %d lines: %v, want %v", test.terminal, test.height, got, test.want)
		}
	}
}
