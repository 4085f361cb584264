package httpapi

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
)

// verified is what a token says whose signature was found good, and until when that counts.
type verified struct {
	claims auth.Claims
	until  time.Time
}

// guard says who calls and whether they may. Without an authenticator it guards public routes alone.
type guard struct {
	authn    auth.Authenticator
	verifier *auth.Verifier
	gateway  *auth.Gateway
	policy   *auth.Policy
	cursors  cursors
	verified *otter.Cache[[sha256.Size]byte, verified]
	proxies  httpserver.Proxies
}

const (
	// maxVerified bounds the cache of access tokens whose signature was found good: about 5 MB. An Ed25519 verification costs 40 µs.
	maxVerified = 10_000
	// verifiedFor bounds how long a token outlives the removal of the key that signed it. Its revocation is looked at each time.
	verifiedFor = time.Minute
)

// newGuard returns a guard of the process's keys and policy. Without authn it opens none of these, and can guard public routes alone. trusted
// are our own proxies.
func newGuard(e *env.Env, authn auth.Authenticator, trusted httpserver.Proxies) (guard, error) {
	g := guard{authn: authn, proxies: trusted}
	if authn == nil {
		return g, nil
	}
	var err error
	if g.verifier, err = auth.OpenVerifier(e); err != nil {
		return g, err
	}
	if g.gateway, err = auth.OpenGateway(e); err != nil {
		return g, err
	}
	if g.policy, err = auth.NewPolicy(); err != nil {
		return g, err
	}
	if g.cursors.key, err = e.ServiceKey("page tokens"); err != nil {
		return g, err
	}
	g.verified, err = otter.New(&otter.Options[[sha256.Size]byte, verified]{MaximumSize: maxVerified})
	return g, err
}

// admit returns the caller of a route, the zero Principal if the route is public. It fails with Unauthenticated without a good credential, and
// with Forbidden if the caller may not call the route.
func (g *guard) admit(r *http.Request, route Route) (auth.Principal, error) {
	who, err := g.identify(r, route)
	if err != nil {
		return auth.Principal{}, err
	}
	if route.Permission == api.Public || who.Function != "" {
		return who, nil
	}
	return who, g.policy.Authorize(who, route.Permission)
}

// identify returns the caller of a route by the request's credential, without asking what the caller may do. A public route has the zero
// Principal. It fails with Unauthenticated or Invalid for a bad credential, and with Forbidden on the gateway's own routes.
func (g *guard) identify(r *http.Request, route Route) (auth.Principal, error) {
	switch {
	case route.Permission == api.Public:
		return auth.Principal{}, nil
	case route.Gateway && auth.IsGateway(r.Header):
		return g.gateway.Verify(r.Header, r.URL.Path)
	case route.Permission == auth.GatewayCall:
		return auth.Principal{}, fault.New(fault.Forbidden, "Only the inference gateway may call this.")
	}
	credential, err := credentialOf(r.Header)
	if err != nil {
		return auth.Principal{}, err
	}
	if auth.IsAPIKey(credential) {
		return g.keyHolder(r.Context(), credential)
	}
	return g.tokenHolder(r.Context(), credential)
}

// keyHolder returns the caller that an API key belongs to. It fails with Unauthenticated if the key is not good.
func (g *guard) keyHolder(ctx context.Context, credential string) (auth.Principal, error) {
	key, err := auth.ParseAPIKey(credential)
	if err != nil {
		return auth.Principal{}, err
	}
	return g.authn.APIKey(ctx, key)
}

// tokenHolder returns the caller that an access token names. It fails if the signature is wrong or the token has expired or been revoked.
func (g *guard) tokenHolder(ctx context.Context, token string) (auth.Principal, error) {
	claims, err := g.verify(token)
	if err != nil {
		return auth.Principal{}, err
	}
	return claims.Principal(), g.authn.Check(ctx, claims)
}

// verify returns what an access token says, if its signature is good and it has not expired. Good tokens are cached for verifiedFor. It does
// not look at revocations.
func (g *guard) verify(token string) (auth.Claims, error) {
	sum := sha256.Sum256([]byte(token))
	if known, ok := g.verified.GetIfPresent(sum); ok && time.Now().Before(known.until) {
		return known.claims, nil
	}
	claims, err := g.verifier.Verify(token)
	if err != nil {
		return auth.Claims{}, err
	}
	until := time.Now().Add(verifiedFor)
	if claims.ExpiresAt.Before(until) {
		until = claims.ExpiresAt
	}
	g.verified.Set(sum, verified{claims, until})
	return claims, nil
}

// hasCredential reports whether the request has a header for a credential, good or not.
func hasCredential(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 || len(r.Header["X-Api-Key"]) > 0
}

// credentialOf returns the one credential in the headers: an access token or an API key. It fails with Unauthenticated if there is none, and
// with Invalid if there are several.
func credentialOf(h http.Header) (string, error) {
	bearer, err := bearerOf(h["Authorization"])
	if err != nil {
		return "", err
	}
	keys := h["X-Api-Key"]
	switch {
	case len(keys) == 0 && bearer == "":
		return "", fault.New(fault.Unauthenticated, "This needs a credential: Authorization: Bearer, with an access token or an API key.")
	case len(keys) == 0:
		return bearer, nil
	case len(keys) > 1 || bearer != "" && bearer != keys[0]:
		return "", fault.New(fault.Invalid, "There is more than one credential.", fault.Field("Authorization"), fault.Field("X-API-Key"))
	case !auth.IsAPIKey(keys[0]):
		return "", fault.New(fault.Unauthenticated, "X-API-Key holds no API key; access tokens go into Authorization: Bearer.")
	default:
		return keys[0], nil
	}
}

// bearerOf returns the credential in the Authorization header (RFC 6750, 2.1), "" if there is no such header. It fails with Invalid for
// several, and with Unauthenticated for another scheme.
func bearerOf(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", fault.New(fault.Invalid, "There is more than one Authorization header.", fault.Field("Authorization"))
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	credential = strings.TrimSpace(credential)
	if !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return "", fault.New(fault.Unauthenticated, "The Authorization header is written Bearer, a space, and an access token or an API key.")
	}
	return credential, nil
}
