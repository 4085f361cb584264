package resolver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/resolvertest"
)

func TestCancelledCallsDoNotOpenTheCircuitBreaker(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://model")
	slow := newSlow(t, s.Vars["MAAS_REGISTRY_URL"])
	r, _ := open(t, s, map[string]string{"MAAS_REGISTRY_URL": slow.URL})
	for range 15 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := r.Resolve(ctx, s.Owner(), target(t, "acme/fraud")); err == nil {
			t.Error("it did not wait")
		}
		cancel()
	}
	time.Sleep(50 * time.Millisecond) // for the last to have been given up
	slow.quick.Store(true)

	if _, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud")); err != nil {
		t.Error(err)
	}
}

// slow is a server before another one that answers nothing until it is told to be quick.
type slow struct {
	*httptest.Server

	quick atomic.Bool
}

func newSlow(t *testing.T, to string) *slow {
	t.Helper()
	s := &slow{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.quick.Load() {
			<-r.Context().Done()
			return
		}
		http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}
