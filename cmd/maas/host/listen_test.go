package host

import (
	"log/slog"
	"math"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/shared/env"
)

func TestTheConnectionsOfCallersAreBoundedAndOurOwnAreNot(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	e := env.New("test", map[string]string{"MAAS_MAX_CONNECTIONS": "70"}, log)
	public, err := bind(t.Context(), publicListener, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	models, err := bindSocket(t.Context(), "models", filepath.Join(t.TempDir(), "models.sock"))
	if err != nil {
		t.Fatal(err)
	}
	for l, want := range map[*listener]int{public: 70, models: math.MaxInt32} {
		if err := l.serve(e, http.NotFoundHandler(), log); err != nil {
			t.Fatal(err)
		}
		if got := l.server.Stats().Limit; got != want {
			t.Errorf("%s may have %d connections open, want %d", l.name, got, want)
		}
		l.stop(t.Context())
	}
}
