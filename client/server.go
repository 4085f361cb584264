package maas

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
)

// Ready fails with Unavailable if the server does not accept calls or cannot be reached. It needs no credential.
func (c *Client) Ready(ctx context.Context) error {
	var answer map[string]any
	return c.do(ctx, "GET /v2/health/ready", nil, &answer, open)
}

// Version returns what the server was built from. It needs no credential.
func (c *Client) Version(ctx context.Context) (api.ServerVersion, error) {
	return call[api.ServerVersion](ctx, c, "GET /version", nil, open)
}

// CacheStats returns how often caches had what they were asked for.
func (c *Client) CacheStats(ctx context.Context) (api.CacheStats, error) {
	return call[api.CacheStats](ctx, c, "GET /v1/cache/stats", nil)
}

// GetPolicy returns what the tenant allows in its models.
func (c *Client) GetPolicy(ctx context.Context) (api.Policy, error) {
	return call[api.Policy](ctx, c, "GET /v1/policy", nil)
}

// PutPolicy sets what the tenant allows in its models. It fails with Unprocessable for more than the installation allows.
func (c *Client) PutPolicy(ctx context.Context, in api.PutPolicyRequest) (api.Policy, error) {
	return call[api.Policy](ctx, c, "PUT /v1/policy", in)
}

// ListUsage returns a page of the tenant's usage.
func (c *Client) ListUsage(ctx context.Context, in api.UsageRequest) (page.Page[api.UsageRow], error) {
	return call[page.Page[api.UsageRow]](ctx, c, "GET /v1/usage", in)
}

// ModelStats returns how a model's calls went.
func (c *Client) ModelStats(ctx context.Context, in api.StatsRequest) (api.ModelStats, error) {
	return call[api.ModelStats](ctx, c, "GET /v1/models/{t}/{m}/stats", in)
}
