package maas

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
)

// Register makes a user and the tenant that they own. It needs no credential. It fails with Conflict if the tenant's name, the username or the email is
// taken.
func (c *Client) Register(ctx context.Context, in api.RegisterRequest) (api.Registration, error) {
	return call[api.Registration](ctx, c, "POST /v1/auth/register", in, open, keyed)
}

// Login begins a session. It needs no credential. It is sent again only if the server was too busy to begin it. It fails with Unauthenticated for an
// unknown user or a wrong password, and with RateLimited after too many failures.
func (c *Client) Login(ctx context.Context, in api.LoginRequest) (api.Tokens, error) {
	return call[api.Tokens](ctx, c, "POST /v1/auth/login", in, open)
}

// Refresh spends a refresh token for new tokens. It needs no credential. It is sent once. It fails with Unauthenticated for a token that is not valid, or
// not any more.
func (c *Client) Refresh(ctx context.Context, in api.RefreshRequest) (api.Tokens, error) {
	return call[api.Tokens](ctx, c, "POST /v1/auth/refresh", in, open, once)
}

// Logout ends the session of a refresh token. It needs no credential.
func (c *Client) Logout(ctx context.Context, in api.LogoutRequest) error {
	return c.do(ctx, "POST /v1/auth/logout", in, nil, open, keyed)
}

// ChangePassword changes the caller's password, and ends all of their other sessions. It fails with Invalid if the old password is wrong or the new one too
// easy, and with Forbidden for API keys.
func (c *Client) ChangePassword(ctx context.Context, in api.ChangePasswordRequest) error {
	return c.do(ctx, "PUT /v1/auth/password", in, nil)
}

// Me returns who the caller is: a user, or an API key.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	return call[api.Me](ctx, c, "GET /v1/users/me", nil)
}

// CreateKey makes an API key. Its secret is in this answer alone, so that the request is not sent again if the answer is lost. It fails with Forbidden for
// API keys, and for scopes beyond the caller's own permissions.
func (c *Client) CreateKey(ctx context.Context, in api.CreateKeyRequest) (api.Key, error) {
	return call[api.Key](ctx, c, "POST /v1/api-keys", in, once)
}

// ListKeys returns a page of the tenant's API keys, the newest first.
func (c *Client) ListKeys(ctx context.Context, in api.ListKeysRequest) (page.Page[api.Key], error) {
	return call[page.Page[api.Key]](ctx, c, "GET /v1/api-keys", in)
}

// DeleteKey ends an API key, which is refused everywhere within seconds. It fails with NotFound if there is no such key.
func (c *Client) DeleteKey(ctx context.Context, in api.DeleteKeyRequest) error {
	return c.do(ctx, "DELETE /v1/api-keys/{id}", in, nil)
}
