package serve

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// discard is a writer that costs nothing, so that what is measured is ours.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkStream is what stands before the gateway's own work: trace, log, metrics, token, permission, route.
func BenchmarkStream(b *testing.B) {
	i := authtest.New(b)
	f := New(func(_ context.Context, e *env.Env) (http.Handler, error) {
		m, err := httpapi.NewMux(e, i)
		if err != nil {
			return nil, err
		}
		httpapi.Stream(m, "POST /v2/models/{t}/{m}/infer", func(http.ResponseWriter, *http.Request, auth.Principal) error { return nil })
		return m, nil
	})
	e := i.Env("infer", nil)
	b.Cleanup(func() { _ = e.Close(context.Background()) })
	if err := f.Mount(b.Context(), e); err != nil {
		b.Fatal(err)
	}
	token := "Bearer " + i.Member(b, api.Developer)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v2/models/acme/fraud/infer", http.NoBody)
		r.Header["Authorization"] = []string{token}
		f.Handle(discard{http.Header{}}, r)
	}
}
