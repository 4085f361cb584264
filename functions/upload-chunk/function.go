// Package function takes chunks in: PUT /v1/uploads/{id}/chunks/{n}.
package function

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/transfer"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of PUT /v1/uploads/{id}/chunks/{n}. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	transfers, err := transfer.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	httpapi.Stream(mux, "PUT /v1/uploads/{id}/chunks/{n}", receive(transfers))
	return mux, nil
}

// receive returns the handler that stores a chunk and answers with what was received, as JSON. It reads the body to its end also if the chunk was
// stored before, unless the client waits for 100 Continue.
func receive(transfers *transfer.Transfers) func(http.ResponseWriter, *http.Request, auth.Principal) error {
	return func(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
		chunk, err := transfer.ParseChunk(r)
		if err != nil {
			return err
		}
		received, err := transfers.Receive(r.Context(), who, chunk, r.Body)
		if err != nil {
			return err
		}
		if r.Header.Get("Expect") == "" { // a chunk that was there already is still on its way; who asked before sending does not send it
			_, _ = io.Copy(io.Discard, r.Body)
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(received)
	}
}
