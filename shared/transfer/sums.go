package transfer

import (
	"crypto/md5" //nolint:gosec // beside SHA-256, where the client gave one
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// sums hashes an object in steps: between them its state and offset are a row's columns. MD5 runs only where the client gave one, since it
// is three times slower than SHA-256.
type sums struct {
	offset int64
	sha256 hash.Hash
	md5    hash.Hash // nil where none is asked for
}

// newSums returns sums that continue from saved states at offset. At offset 0 they begin anew, and the states are not read. They have an MD5 if asked is
// not "". It fails if a state is malformed.
func newSums(offset int64, sha256State, md5State []byte, asked api.MD5) (sums, error) {
	s := sums{sha256: sha256.New()}
	if asked != "" {
		s.md5 = md5.New() //nolint:gosec // see above
	}
	if offset == 0 {
		return s, nil
	}
	s.offset = offset
	if err := restore(s.sha256, sha256State); err != nil {
		return s, err
	}
	if asked == "" {
		return s, nil
	}
	return s, restore(s.md5, md5State)
}

// restore sets h to a saved state. It fails if the state is malformed or h has none.
func restore(h hash.Hash, state []byte) error {
	saved, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return fmt.Errorf("transfer: %T keeps no state", h)
	}
	return saved.UnmarshalBinary(state)
}

// states returns the states from which newSums continues. That of MD5 is nil if none is asked for.
func (s *sums) states() (sha256State, md5State []byte, err error) {
	if sha256State, err = state(s.sha256); err != nil || s.md5 == nil {
		return sha256State, nil, err
	}
	md5State, err = state(s.md5)
	return sha256State, md5State, err
}

// state returns the state of h for restore. It fails if h has none.
func state(h hash.Hash) ([]byte, error) {
	saved, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, fmt.Errorf("transfer: %T keeps no state", h)
	}
	return saved.MarshalBinary()
}

// read hashes for about as long as patience, or to the end of from. It reads at least once, so that each step makes progress. It fails with from's error,
// but for io.EOF.
func (s *sums) read(from io.Reader, patience time.Duration) error {
	const buffer = 256 << 10
	space := make([]byte, buffer)
	for began := time.Now(); ; {
		n, err := from.Read(space)
		s.sha256.Write(space[:n])
		if s.md5 != nil {
			s.md5.Write(space[:n])
		}
		s.offset += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fault.From(err)
		case time.Since(began) >= patience:
			return nil
		}
	}
}

// digest returns the SHA-256 of the bytes so far.
func (s *sums) digest() ref.Digest { return ref.DigestOf(s.sha256.Sum(nil)) }

// md5sum returns the MD5 of the bytes so far, "" if none is asked for.
func (s *sums) md5sum() api.MD5 {
	if s.md5 == nil {
		return ""
	}
	return api.MD5(hex.EncodeToString(s.md5.Sum(nil)))
}
