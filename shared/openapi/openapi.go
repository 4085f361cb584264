// Package openapi carries the OpenAPI 3.1 description of the functions, which make generate writes (tools/openapi).
package openapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
)

//go:embed openapi.json
var document []byte

// Document returns the handler of GET /openapi.json, for httpapi.Stream. It has an ETag and answers If-None-Match.
func Document() func(http.ResponseWriter, *http.Request, auth.Principal) error {
	sum := sha256.Sum256(document)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request, _ auth.Principal) error {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document)) // knows If-None-Match (RFC 9110, 13.1.2)
		return nil
	}
}
