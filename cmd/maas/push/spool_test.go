package push

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestAStreamIsPushedLikeAFile(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	for _, unchanged := range []bool{false, true} {
		kept, err := Keep(t.Context(), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		done, err := p.Spooled(t.Context(), kept, "model.onnx")
		if err != nil || done.Unchanged != unchanged || done.SHA256 != ref.SumOf([]byte(text)) {
			t.Errorf("%+v, %v", done, err)
		}
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAStreamThatCannotBeKeptIsAFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	full := func(*os.File) (int64, error) { return spared + gulp - 1, nil }
	for name, test := range map[string]struct {
		from io.Reader
		free func(*os.File) (int64, error)
		kind fault.Kind
	}{
		"an empty one":   {strings.NewReader(""), free, fault.Invalid},
		"a broken one":   {io.MultiReader(strings.NewReader("x"), failing{broken}), free, fault.Invalid},
		"on a full disk": {strings.NewReader("x"), full, fault.QuotaExceeded},
	} {
		if _, err := keep(t.Context(), test.from, test.free); !fault.Is(err, test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never, end := io.Pipe()
	defer func() { _ = end.Close() }()
	_, err := keep(ctx, never, free)
	faulttest.AssertKind(t, err, fault.Canceled)
}

// failing is a reader that fails.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }
