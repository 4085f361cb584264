package localruntime

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/socket"
)

// prefix is where a version answers on the activator's listener: /d/<version id>/v2/….
const prefix = "/d/"

// activator is the one address of all runtimes: it starts the version that is called, and passes the call on.
type activator struct {
	pool  *pool
	proxy *httputil.ReverseProxy
}

type targetKey struct{}

// target is what a call is passed on to.
type target struct {
	address *url.URL
	path    string
}

// newActivator returns an activator for the runtimes of p. It logs errors of its proxy at level debug.
func newActivator(p *pool, log *slog.Logger) *activator {
	return &activator{p, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to, _ := r.In.Context().Value(targetKey{}).(target)
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.Path, r.Out.URL.RawPath = to.address.Scheme, to.address.Host, to.path, ""
			r.Out.Host = ""
		},
		FlushInterval: -1, // tokens pass as they come
		Transport: &http.Transport{
			DialContext:         socket.Dialer(time.Second),
			MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		},
		ErrorHandler: broken,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// ServeHTTP implements http.Handler. It starts the version's runtime if it does not run, sets X-Cold-Start-Ms to the
// wait, and passes the call on. If the caller goes away, the call at the runtime is canceled.
func (a *activator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	version, err := uuid.Parse(id)
	if err != nil || !strings.HasPrefix(r.URL.Path, prefix) {
		httpapi.WriteProblem(w, r, errAbsent)
		return
	}
	began := time.Now()
	address, release, err := a.pool.acquire(r.Context(), version)
	if err != nil {
		httpapi.WriteProblem(w, r, message(err))
		return
	}
	defer release()
	if waited := time.Since(began).Milliseconds(); waited > 0 { // a runtime that is there is found in microseconds
		w.Header().Set("X-Cold-Start-Ms", strconv.FormatInt(waited, 10))
	}
	a.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, target{address, "/" + path})))
}

// broken answers a call that could not be passed on to its runtime: with an Upstream problem, or with Canceled if the caller has gone away.
func broken(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		httpapi.WriteProblem(w, r, context.Canceled)
		return
	}
	httpapi.WriteProblem(w, r, fault.New(fault.Upstream, "The model server failed during the call.", fault.Cause(err)))
}
