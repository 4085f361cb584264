package transfer

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

const (
	contentDigest = "Content-Digest" // RFC 9530, 2
	chunkSHA256   = "X-Chunk-SHA256"
)

// ParseChunk returns what a request for PUT /v1/uploads/{id}/chunks/{n} says of its body. The digest is given as Content-Digest or as X-Chunk-SHA256, or as
// both if they agree. It fails with Invalid if an id, index or digest is malformed, or if the length or the digest is missing.
func ParseChunk(r *http.Request) (Chunk, error) {
	upload, err := api.ParseID(r.PathValue("id"))
	if err != nil {
		return Chunk{}, err
	}
	index, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || strconv.Itoa(index) != r.PathValue("n") {
		return Chunk{}, fault.New(fault.Invalid, "A chunk is named by its index, a whole number counted from 0.", fault.Field("n"))
	}
	if r.ContentLength < 0 {
		return Chunk{}, fault.New(fault.Invalid, "The Content-Length of a chunk must be given.", fault.Field("Content-Length"))
	}
	digest, err := digestFrom(r.Header)
	return Chunk{Upload: uuid.UUID(upload), Index: index, Size: r.ContentLength, SHA256: digest}, err
}

// digestFrom returns the digest in Content-Digest or X-Chunk-SHA256. It fails with Invalid if there is none, if one is malformed, or if they differ.
func digestFrom(h http.Header) (ref.Digest, error) {
	given, err := parseContentDigest(strings.Join(h.Values(contentDigest), ","))
	if err != nil {
		return ref.Digest{}, err
	}
	own := h.Values(chunkSHA256)
	if len(own) == 0 {
		if given.IsZero() {
			return given, fault.New(fault.Invalid, fmt.Sprintf("A chunk's SHA-256 is given as %s: sha-256=:…: or as %s.", contentDigest, chunkSHA256),
				fault.Field(contentDigest))
		}
		return given, nil
	}
	digest, err := ref.ParseDigest(own[0])
	if err != nil || len(own) > 1 {
		return digest, fault.New(fault.Invalid, chunkSHA256+" is 64 lowercase hexadecimal digits, given once.", fault.Field(chunkSHA256))
	}
	if !given.IsZero() && given != digest {
		return digest, fault.New(fault.Invalid, fmt.Sprintf("%s and %s say different digests.", contentDigest, chunkSHA256), fault.Field(chunkSHA256))
	}
	return digest, nil
}

// parseContentDigest returns the sha-256 of a dictionary of digests (RFC 9530, 2; RFC 8941, 3.2), the zero Digest if it has none. Of a key that is given
// twice the last counts. It fails with Invalid for a malformed digest.
func parseContentDigest(field string) (found ref.Digest, err error) {
	for member := range strings.SplitSeq(field, ",") {
		key, value, _ := strings.Cut(strings.Trim(member, " \t"), "=")
		if key != "sha-256" {
			continue
		}
		value, _, _ = strings.Cut(value, ";")
		value = strings.TrimRight(value, " \t")
		text, opened := strings.CutPrefix(value, ":")
		text, closed := strings.CutSuffix(text, ":")
		sum, err := base64.StdEncoding.DecodeString(text)
		if !opened || !closed || err != nil || len(sum) != len(ref.SumOf(nil).Bytes()) {
			return ref.Digest{}, fault.New(fault.Invalid, contentDigest+" is written sha-256=:<the digest in base64>:.", fault.Field(contentDigest))
		}
		found = ref.DigestOf(sum)
	}
	return found, nil
}
