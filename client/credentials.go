package maas

import (
	"context"

	"github.com/17882237881/MaaS/api/fault"
)

// Credentials gives what requests are signed with: an access token or an API key. It is used by several goroutines at once.
type Credentials interface {
	// Credential returns the credential to send. refused is the one that the server has just refused, "" at first: then Credential returns another one, or
	// "" if it has no other.
	Credential(ctx context.Context, refused string) (string, error)
}

// fixed is a credential that never changes; "" is none.
type fixed string

// Credential implements Credentials. It fails with Unauthenticated if there is no credential, and returns "" if a server has refused it.
func (f fixed) Credential(_ context.Context, refused string) (string, error) {
	switch {
	case f == "":
		return "", fault.New(fault.Unauthenticated, "The client has no credential: give it an API key or an access token.")
	case refused != "":
		return "", nil
	default:
		return string(f), nil
	}
}
