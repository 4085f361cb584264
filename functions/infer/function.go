// Package function is the inference gateway: the Open Inference Protocol, version 2, over REST and gRPC on one port.
package function

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/inference"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of the inference gateway, over REST and gRPC. It fails if the configuration is invalid.
func open(_ context.Context, e *env.Env) (http.Handler, error) {
	known, err := resolver.Open(e)
	if err != nil {
		return nil, err
	}
	gateway, err := inference.Open(e, known)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, known)
	if err != nil {
		return nil, err
	}
	httpapi.Stream(mux, "GET /v2", gateway.Server)
	httpapi.Stream(mux, "GET /v2/health/live", gateway.Live)
	httpapi.Stream(mux, "GET /v2/health/ready", gateway.Ready)
	for _, model := range []string{"/v2/models/{t}/{m}", "/v2/models/{t}/{m}/versions/{ref}"} {
		httpapi.Stream(mux, "POST "+model+"/infer", gateway.Infer)
		httpapi.Stream(mux, "GET "+model, gateway.Model)
		httpapi.Stream(mux, "GET "+model+"/ready", gateway.ModelReady)
	}
	prefix, service := gateway.GRPC(connect.WithInterceptors(httpapi.ConnectErrors()))
	httpapi.Mount(mux, prefix, service)
	prefix, service = gateway.Health()
	httpapi.Mount(mux, prefix, service)
	for prefix, service := range inference.Reflection() {
		httpapi.Mount(mux, prefix, service)
	}
	return mux, nil
}
