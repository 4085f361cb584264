package serve

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// LimitConnections sets the limits of a server's connections that e's variables name, and registers their metrics under the listener's name.
// It fails for limits that cannot be met.
func LimitConnections(e *env.Env, listener string, server *httpserver.Server) error {
	var limits httpserver.Limits
	if err := e.Config(&limits); err != nil {
		return err
	}
	if err := server.Limit(limits); err != nil {
		return err
	}
	return MeasureConnections(e, listener, server)
}

// MeasureConnections registers the metrics of a server's connections, labelled with the listener's name.
func MeasureConnections(e *env.Env, listener string, server *httpserver.Server) error {
	labels := prometheus.Labels{"listener": listener}
	for _, metric := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "maas_connections_open", Help: "Open connections of a listener.", ConstLabels: labels,
		}, func() float64 { return float64(server.Stats().Open) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "maas_connections_limit", Help: "Connections that a listener may have open.", ConstLabels: labels,
		}, func() float64 { return float64(server.Stats().Limit) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "maas_connections_evicted_total", Help: "Idle connections closed to make room for new ones.", ConstLabels: labels,
		}, func() float64 { return float64(server.Stats().Evicted) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "maas_connections_refused_total", Help: "Connections beyond the limits, on which only health checks are answered.", ConstLabels: labels,
		}, func() float64 { return float64(server.Stats().Refused) }),
	} {
		if _, err := telemetry.Register(e, metric); err != nil {
			return err
		}
	}
	return nil
}

// RefuseConnection answers a request on a connection beyond the limits with a problem: 429 if its address has too many, else 503. It is an
// httpserver.Server's Refuse.
func RefuseConnection(w http.ResponseWriter, r *http.Request, why httpserver.Refusal) {
	kind := fault.Unavailable
	if why.PerAddress {
		kind = fault.RateLimited
	}
	x, r := telemetry.Begin(w, r)
	sentence := why.String() + " An operator sets the limit by " + why.Setting() + "."
	httpapi.WriteProblem(x, r, fault.New(kind, sentence, fault.RetryAfter(httpserver.RefusalRetry)))
}
