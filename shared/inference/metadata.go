package inference

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
)

// Server answers GET /v2 with the server's name, version and extensions.
func (g *Gateway) Server(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
	return writeJSON(w, serverMetadata())
}

// serverMetadata returns the gateway's name, version and extensions.
func serverMetadata() openinference.ServerMetadata {
	return openinference.ServerMetadata{Name: "maas", Version: "2", Extensions: []string{"binary_tensor_data"}}
}

// Live answers GET /v2/health/live: always that the server is live.
func (g *Gateway) Live(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
	return writeJSON(w, map[string]bool{"live": true})
}

// Ready answers GET /v2/health/ready. It fails with Unavailable while the gateway cannot authenticate calls.
func (g *Gateway) Ready(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
	if err := g.resolver.Ready(); err != nil {
		return err
	}
	return writeJSON(w, map[string]bool{"ready": true})
}

// Model answers GET /v2/models/{t}/{m}[/versions/{ref}] with the version's inputs and outputs, whether or not it runs.
func (g *Gateway) Model(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	target, err := targetOf(r)
	if err != nil {
		return err
	}
	route, err := g.resolver.Resolve(r.Context(), who, target)
	if err != nil {
		return err
	}
	return writeJSON(w, metadataOf(target.Model, &route.Version))
}

// ModelReady answers GET /v2/models/{t}/{m}[/versions/{ref}]/ready. It fails with Unavailable while the version is not
// running, and requests its start. A version that is scaled to zero counts as ready, since the next call starts it.
func (g *Gateway) ModelReady(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	target, err := targetOf(r)
	if err != nil {
		return err
	}
	route, err := g.resolver.Resolve(r.Context(), who, target)
	if err != nil {
		return err
	}
	if !route.Version.Callable() {
		return starting(target.Model, &route.Version)
	}
	return writeJSON(w, map[string]any{"name": target.Model, "ready": true})
}

// metadataOf returns the metadata of a version of the model m.
func metadataOf(m ref.Model, v *resolver.Version) *openinference.ModelMetadata {
	return &openinference.ModelMetadata{
		Name: m.String(), Versions: []string{v.Version.String()}, Platform: v.Runtime, Inputs: v.Inputs, Outputs: v.Outputs,
	}
}

// writeJSON writes the value as the whole answer, with status 200. It fails with Internal if the value cannot be encoded; errors of writing are
// ignored.
func writeJSON(w http.ResponseWriter, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fault.New(fault.Internal, "The answer could not be written.", fault.Op("inference"), fault.Cause(err))
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(text))}
	_, _ = w.Write(text) // a client that is gone needs no answer
	return nil
}
