package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// etagOf returns a resource's entity tag, without quotes: it changes with anything that the resource's JSON says.
func etagOf(resource any) string {
	text, err := json.Marshal(resource)
	if err != nil {
		return "" // resources are plain values, which always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
