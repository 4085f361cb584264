package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
)

// cursors signs page tokens: base64url of the use case's cursor and 16 bytes of HMAC-SHA-256 over it and the list it belongs to.
type cursors struct{ key []byte }

const (
	cursorMAC = 16
	maxCursor = 2048 // characters of a token
)

// list identifies the list to which a cursor belongs: the caller's tenant, the route's path and the filter.
func list(who auth.Principal, r *http.Request) string {
	filter := r.URL.Query()
	filter.Del(pageSize)
	filter.Del(pageToken)
	return who.Tenant.String() + "\n" + r.URL.Path + "\n" + filter.Encode()
}

// seal returns a page token: the cursor with a signature that makes it valid for this list alone.
func (c cursors) seal(list, cursor string) string {
	return base64.RawURLEncoding.EncodeToString(append(c.mac(list, cursor), cursor...))
}

// open returns the cursor in a page token. It fails with Invalid if the token was not made by seal for this list.
func (c cursors) open(list, token string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > maxCursor || len(raw) <= cursorMAC || !hmac.Equal(raw[:cursorMAC], c.mac(list, string(raw[cursorMAC:]))) {
		return "", fault.New(fault.Invalid, "The page token is not one that this list gave; begin without it.", fault.Field(pageToken))
	}
	return string(raw[cursorMAC:]), nil
}

// mac returns the signature of a cursor for a list.
func (c cursors) mac(list, cursor string) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(list + "\n\n" + cursor))
	return mac.Sum(nil)[:cursorMAC]
}
