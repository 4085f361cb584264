package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/env"
)

// TokenLifetime is how long an access token is good.
const TokenLifetime = 15 * time.Minute

const (
	issuer   = "https://maas.dev"
	audience = "maas"
	leeway   = 5 * time.Second // between two machines' clocks
)

type keyConfig struct {
	Signing string `env:"MAAS_SIGNING_KEYS"`
	Verify  string `env:"MAAS_VERIFY_KEYS"`
}

// tokenClaims is the token's JSON (RFC 7519, 4).
type tokenClaims struct {
	Session  uuid.UUID  `json:"sid"`
	TenantID uuid.UUID  `json:"tid"`
	Tenant   ref.Tenant `json:"tenant"`
	Roles    []api.Role `json:"roles"`
	jwt.RegisteredClaims
}

// Signer makes access tokens. Only login and tokens have one.
type Signer struct{ keys *keyFile }

// OpenSigner returns a Signer with the JWK set in the file that MAAS_SIGNING_KEYS names. It fails if the variable is not set or the file cannot be
// read. The file may be replaced later.
func OpenSigner(e *env.Env) (*Signer, error) {
	var config keyConfig
	if err := e.Config(&config); err != nil {
		return nil, err
	}
	if config.Signing == "" {
		return nil, errors.New("MAAS_SIGNING_KEYS is not set: it names the file with the JWK set that signs access tokens")
	}
	s := &Signer{&keyFile{path: config.Signing}}
	_, err := s.keys.load()
	return s, err
}

// Sign returns an access token with the claims, signed with the current key. It gets a new ID and is valid for TokenLifetime from now, whatever c
// says of these.
func (s *Signer) Sign(c Claims) (string, error) {
	set, err := s.keys.load()
	if err != nil {
		return "", err
	}
	key, err := set.Keys[0].private()
	if err != nil {
		return "", err
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, tokenClaims{
		Session: c.Session, TenantID: c.Tenant, Tenant: c.TenantName, Roles: c.Roles,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: c.Subject.String(), ID: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TokenLifetime)),
		},
	})
	token.Header["kid"] = set.Keys[0].ID
	signed, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("auth: sign: %w", err)
	}
	return signed, nil
}

// PublicKeys returns the public keys that verify access tokens, the current and the next.
func (s *Signer) PublicKeys() (KeySet, error) {
	set, err := s.keys.load()
	return set.Public(), err
}

// Verifier checks access tokens with public keys alone.
type Verifier struct {
	keys   *keyFile
	parser *jwt.Parser
}

// OpenVerifier returns a Verifier with the JWK set in the file that MAAS_VERIFY_KEYS names, or MAAS_SIGNING_KEYS if that is not set. It fails if
// neither is set or the file cannot be read. The file may be replaced later.
func OpenVerifier(e *env.Env) (*Verifier, error) {
	var config keyConfig
	if err := e.Config(&config); err != nil {
		return nil, err
	}
	path := config.Verify
	if path == "" {
		path = config.Signing
	}
	if path == "" {
		return nil, errors.New("MAAS_VERIFY_KEYS is not set: it names the file with the JWK set that verifies access tokens")
	}
	v := &Verifier{&keyFile{path: path}, jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), // never what the token itself asks for (RFC 8725, 3.1)
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
	)}
	_, err := v.keys.load()
	return v, err
}

// Verify returns the claims of an access token. It fails with Unauthenticated for a token that is malformed, forged, expired or of another issuer
// or audience. It does not know what was revoked.
func (v *Verifier) Verify(token string) (Claims, error) {
	var claims tokenClaims
	if _, err := v.parser.ParseWithClaims(token, &claims, v.key); err != nil {
		message := "The access token is not valid."
		if errors.Is(err, jwt.ErrTokenExpired) {
			message = "The access token has expired; refresh it or sign in again."
		}
		return Claims{}, fault.New(fault.Unauthenticated, message, fault.Cause(err))
	}
	subject, err := uuid.Parse(claims.Subject)
	if err != nil || claims.IssuedAt == nil {
		return Claims{}, fault.New(fault.Unauthenticated, "The access token is not valid.", fault.Cause(err))
	}
	return Claims{
		Subject: subject, Session: claims.Session, Tenant: claims.TenantID, TenantName: claims.Tenant, Roles: claims.Roles,
		ID: claims.ID, IssuedAt: claims.IssuedAt.Time, ExpiresAt: claims.ExpiresAt.Time,
	}, nil
}

// key returns the public key that the token's header names. It fails if the set does not have it.
func (v *Verifier) key(token *jwt.Token) (any, error) {
	set, err := v.keys.load()
	if err != nil {
		return nil, err
	}
	for _, key := range set.Keys {
		if key.ID == token.Header["kid"] {
			public, err := key.public()
			return public, err
		}
	}
	return nil, errors.New("unknown kid")
}
