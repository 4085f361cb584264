// Package resolver is the inference gateway's client of ModelService and IdentityService. It resolves model references to versions and API
// keys to principals, and follows the list of revocations. It uses no database.
//
// Calls are gRPC with the gateway's own credential. Each has a time limit and is retried while its service is unavailable; a circuit breaker
// stops calls for a while after many failures in a row.
package resolver

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
	"github.com/17882237881/MaaS/shared/socket"
)

type config struct {
	// Models is the address of function models, which has ModelService.
	Models string `env:"MAAS_REGISTRY_URL,required,notEmpty"`
	// Identity is the address of function api-keys, which has IdentityService.
	Identity string `env:"MAAS_IDENTITY_URL,required,notEmpty"`
}

// Resolver answers from its caches and calls the services for the rest. It is safe for concurrent use.
type Resolver struct {
	models   maasv1connect.ModelServiceClient
	identity maasv1connect.IdentityServiceClient
	gateway  *auth.Gateway
	hash     auth.KeyHash
	resolve  policy
	verify   policy

	routes  *cache.Cache[*Route]
	keys    *keyCache
	revoked revoked
}

// Open returns the process's resolver. The first call makes it, and begins to follow revocations in the background. It fails if the configuration
// is invalid, but not if the services are away.
func Open(e *env.Env) (*Resolver, error) {
	return env.Once(e, "resolver", func(context.Context) (*Resolver, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		client := newClient()
		r, err := newResolver(e, c, client)
		if err != nil {
			return nil, nil, err
		}
		e.Go(r.followRevocations)
		return r, func(context.Context) error { client.CloseIdleConnections(); return nil }, nil
	})
}

// newResolver returns a resolver with empty caches, which calls the services through client. It fails if the configuration is invalid.
func newResolver(e *env.Env, c config, client *http.Client) (*Resolver, error) {
	gateway, err := auth.OpenGateway(e)
	if err != nil {
		return nil, err
	}
	hash, err := auth.OpenKeyHash(e)
	if err != nil {
		return nil, err
	}
	routes, err := openRoutes(e)
	if err != nil {
		return nil, err
	}
	keys, err := newKeyCache()
	if err != nil {
		return nil, err
	}
	return &Resolver{
		models:   maasv1connect.NewModelServiceClient(client, c.Models, connect.WithGRPC()),
		identity: maasv1connect.NewIdentityServiceClient(client, c.Identity, connect.WithGRPC()),
		gateway:  gateway,
		hash:     hash,
		resolve:  newPolicy(),
		verify:   newPolicy(),
		routes:   routes,
		keys:     keys,
		revoked:  newRevoked(),
	}, nil
}

// newClient returns a client that speaks HTTP/2 as gRPC needs it, without TLS to http addresses. It finds out a dead peer within 20 s.
func newClient() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{
		Protocols:       protocols,
		DialContext:     socket.Dialer(2 * time.Second),
		IdleConnTimeout: 90 * time.Second,
		HTTP2:           &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second}, // a dead peer is found out
	}}
}
