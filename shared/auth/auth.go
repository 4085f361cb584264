// Package auth identifies callers and checks what they may do: the principal, access tokens, the form of API keys, and the table of
// roles. It uses no database: an Authenticator looks up the owners of keys and what is revoked.
package auth
