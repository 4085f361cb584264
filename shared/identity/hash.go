package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/17882237881/MaaS/api"
)

// The cost of Argon2id: RFC 9106, 4, second recommendation, with one lane.
const (
	hashMemory = 64 << 10 // KiB
	hashTime   = 3
	hashLanes  = 1
	hashSize   = 32
	saltSize   = 16
)

// nobody is the hash of a password that nobody knows: what a sign-in to an account that does not exist is checked against, so that it takes
// as long as any other.
const nobody = "$argon2id$v=19$m=65536,t=3,p=1$" + "bm9ib2R5IGtub3dzIGl0IQ$" + "TEaLWyVRvqcCYsHyCLlKUTKCnJFVVXhU1pVhNpcUlVQ"

// hash returns the Argon2id hash of the password, with a new random salt, as a PHC string. It takes 64 MiB of memory: the caller must hold a slot
// of the hasher.
func hash(p api.Password) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the process instead
	sum := argon2.IDKey([]byte(normal(p)), salt, hashTime, hashMemory, hashLanes, hashSize)
	text := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, hashMemory, hashTime, hashLanes, text.EncodeToString(salt), text.EncodeToString(sum))
}

// matches reports whether the password is the one that the PHC string was made from. It fails if the string is malformed or its cost exceeds ours.
// The caller must hold a slot of the hasher.
func matches(phc string, p api.Password) (bool, error) {
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("identity: a stored password is no PHC string of argon2id")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("identity: stored password: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("identity: stored password: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("identity: stored password: %w", err)
	}
	if version != argon2.Version || memory > hashMemory || passes < 1 || lanes < 1 {
		return false, fmt.Errorf("identity: a stored password asks for Argon2 version %d, %d KiB, %d passes, %d lanes", version, memory, passes, lanes)
	}
	sum := argon2.IDKey([]byte(normal(p)), salt, passes, memory, lanes, hashSize)
	return subtle.ConstantTimeCompare(sum, want) == 1, nil
}
