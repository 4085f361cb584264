package ref

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// Digest is a SHA-256. The zero Digest stands for none.
type Digest struct {
	sum [sha256.Size]byte
	set bool
}

// ParseDigest returns the digest that 64 hexadecimal digits stand for. It fails with Invalid for another length, and for uppercase.
func ParseDigest(s string) (Digest, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != s {
		return Digest{}, invalid("digest", s, "is a SHA-256 in 64 lowercase hexadecimal digits")
	}
	return DigestOf(raw), nil
}

// DigestOf returns the digest with a finished sum of 32 bytes, as hash.Hash.Sum gives it. It panics on any other length.
func DigestOf(sum []byte) Digest { return Digest{sum: [sha256.Size]byte(sum), set: true} }

// SumOf returns the SHA-256 of b.
func SumOf(b []byte) Digest { return Digest{sum: sha256.Sum256(b), set: true} }

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return !d.set }

// String returns 64 lowercase hexadecimal digits, or "" for none.
func (d Digest) String() string {
	if !d.set {
		return ""
	}
	return hex.EncodeToString(d.sum[:])
}

// Base64 returns the sum as S3's x-amz-checksum-sha256 and Content-Digest (RFC 9530) have it. The digest must not be zero.
func (d Digest) Base64() string { return base64.StdEncoding.EncodeToString(d.sum[:]) }

// Bytes returns the sum, 32 bytes, or nil for none.
func (d Digest) Bytes() []byte {
	if !d.set {
		return nil
	}
	return d.sum[:]
}

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a digest; empty text is the zero Digest. It fails as ParseDigest does.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	*d, err = ParseDigest(string(text))
	return err
}
