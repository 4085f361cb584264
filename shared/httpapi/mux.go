package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Mux answers one function's routes. What is none of them is answered with a problem: 404, or 405 with Allow.
type Mux struct {
	function string
	routes   map[string]Route
	mux      router
	guard    guard
	timeout  time.Duration
	pace     pace
	answers  answerPace
	bodies   *share.Pool
	decodes  *decoding.Slots

	slowSends, slowReads prometheus.Counter
}

type config struct {
	Pace    pace
	Answers answerPace
	Bodies  bodyMemory

	// Timeout bounds a whole exchange, except where the table or Stream says otherwise.
	Timeout time.Duration `env:"MAAS_REQUEST_TIMEOUT" envDefault:"60s"`
	// TrustedProxies are the networks of our own proxies, queue-proxy's loopback among them; X-Forwarded-For is ignored from anyone else,
	// since anyone may send it.
	TrustedProxies httpserver.Proxies `env:"MAAS_TRUSTED_PROXIES"`
}

// NewMux returns the Mux, without routes, of the function that e is for. authn may be nil if all its routes are public. It fails if the
// configuration is wrong.
func NewMux(e *env.Env, authn auth.Authenticator) (*Mux, error) { return newMux(e, authn, Routes()) }

// newMux is NewMux with another table of routes.
func newMux(e *env.Env, authn auth.Authenticator, table []Route) (*Mux, error) {
	var c config
	if err := e.Config(&c); err != nil {
		return nil, err
	}
	if err := errors.Join(c.Pace.check(), c.Answers.check(), c.Bodies.check()); err != nil {
		return nil, err
	}
	g, err := newGuard(e, authn, c.TrustedProxies)
	if err != nil {
		return nil, err
	}
	bodies, err := c.Bodies.open(e)
	if err != nil {
		return nil, err
	}
	decodes, err := decoding.Open(e)
	if err != nil {
		return nil, err
	}
	sends, reads, err := slowClients(e)
	if err != nil {
		return nil, err
	}
	m := &Mux{
		function: e.Name(), routes: map[string]Route{}, mux: newRouter(), guard: g, timeout: c.Timeout, pace: c.Pace, answers: c.Answers, bodies: bodies,
		decodes: decodes, slowSends: sends, slowReads: reads,
	}
	for _, route := range table {
		if route.Function == m.function {
			m.routes[route.Pattern] = route
		}
	}
	return m, nil
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, r := telemetry.Begin(w, r)
	if r.URL.Path == "" { // left over by http.StripPrefix
		r.URL.Path = "/"
	}
	m.mux.ServeHTTP(x, r)
}

// answer is a route's handler: it writes the answer, or returns what is wrong before it has written anything.
type answer func(x *telemetry.Exchange, r *http.Request, who auth.Principal) error

// add registers the handler for a route of the table, by its pattern. It panics if the table does not have the route for this function, or if
// the route needs an auth.Authenticator and there is none.
func (m *Mux) add(pattern string, do func(Route) answer) {
	route, ok := m.routes[pattern]
	if !ok {
		panic(fmt.Sprintf("httpapi: %q is no route of function %s in the table", pattern, m.function))
	}
	if route.Permission != api.Public && m.guard.authn == nil {
		panic(fmt.Sprintf("httpapi: %q needs an auth.Authenticator", pattern))
	}
	act := do(route)
	m.mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r := telemetry.Begin(w, r)
		if err := m.serve(x, r, route, act); err != nil {
			refuse(x, r, err)
		}
	}))
}

// serve authenticates and authorizes the caller of a route, and then calls act. It returns an error if nothing has been written.
func (m *Mux) serve(x *telemetry.Exchange, r *http.Request, route Route, act answer) error {
	telemetry.SetRoute(r.Context(), route.Pattern)
	if route.Quiet {
		telemetry.SetQuiet(r.Context())
	}
	c := &caller{address: client(r, m.guard.proxies)}
	r = r.WithContext(share.With(r.Context(), c))
	who, err := m.guard.admit(r, route)
	if err != nil {
		return err
	}
	who.Address, who.RequestID = c.address, telemetry.RequestID(r.Context())
	c.admit(who)
	if who.Function != "" {
		r = r.WithContext(share.With(r.Context(), auth.ChargedTo(r.Header, c.Holder())))
	}
	return act(x, r, who)
}

// caller is whom a request is charged to: its address until it has been authenticated, and its principal after that.
type caller struct {
	address  netip.Addr
	who      auth.Principal
	admitted atomic.Bool // who is set
}

// admit records who the caller is, once authenticated.
func (c *caller) admit(who auth.Principal) {
	c.who = who
	c.admitted.Store(true)
}

// Holder implements share.Charged. Callers without a credential are told apart by their addresses.
func (c *caller) Holder() share.Holder {
	anonymous := (auth.Principal{}).Holder()
	if c.admitted.Load() {
		if h := c.who.Holder(); h != anonymous {
			return h
		}
	}
	return share.Holder{Tenant: httpserver.Subscriber(c.address).String(), Credential: anonymous.Credential} // an address is no tenant's name
}

// refuse writes the error as the response. If the response has begun, it only records the error and cuts the
// connection, so that the client sees that the answer is not whole.
func refuse(x *telemetry.Exchange, r *http.Request, err error) {
	if !x.Started() {
		respondError(x, r, err)
		return
	}
	telemetry.Fail(r.Context(), err)
	panic(http.ErrAbortHandler)
}
