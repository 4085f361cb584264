package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// etagOf returns a resource's entity tag: it changes with anything that the resource says.
func etagOf(resource any) string {
	text, err := json.Marshal(resource)
	if err != nil {
		return "" // resources are plain values, which always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
