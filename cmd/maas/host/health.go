package host

import (
	"encoding/json"
	"net/http"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/serve"
)

// outside returns what the public listener answers: the functions' routes, and for the host what each function answers for itself.
func (h *Host) outside(functions map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.Public(functions))
	mux.HandleFunc("GET /health/liveness", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, map[string]string{"status": "alive"}) })
	mux.HandleFunc("GET /health/readiness", h.readiness)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, serve.VersionOf("maas")) })
	return mux
}

// readiness is 200 while every function is ready, and 503 from the beginning of the end.
func (h *Host) readiness(w http.ResponseWriter, r *http.Request) {
	for name, f := range h.functions {
		if ready, err := f.Ready(r.Context()); err != nil || !ready {
			httpapi.WriteProblem(w, r, fault.New(fault.Unavailable, "The function "+name+" is not ready.", fault.Cause(err)))
			return
		}
	}
	writeJSON(w, map[string]string{"status": "ready"})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) //nolint:errchkjson // a client that is gone needs no answer
}
