package host

import (
	"encoding/json"
	"net/http"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/serve"
)

// outside returns the handler of the public listener: the functions' public routes, and the host's own liveness, readiness and version.
func (h *Host) outside(functions map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.Public(functions))
	mux.HandleFunc("GET /health/liveness", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, map[string]string{"status": "alive"}) })
	mux.HandleFunc("GET /health/readiness", h.readiness)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, serve.VersionOf("maas")) })
	return mux
}

// readiness answers 200 while every function is ready, and otherwise a 503 problem that names one that is not. It is 503 as soon as Stop
// begins.
func (h *Host) readiness(w http.ResponseWriter, r *http.Request) {
	for name, f := range h.functions {
		if ready, err := f.Ready(r.Context()); err != nil || !ready {
			httpapi.WriteProblem(w, r, fault.New(fault.Unavailable, "The function "+name+" is not ready.", fault.Cause(err)))
			return
		}
	}
	writeJSON(w, map[string]string{"status": "ready"})
}

// writeJSON answers 200 with value as JSON. Errors are ignored.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) //nolint:errchkjson // a client that is gone needs no answer
}
