package cache

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/podidentity"
)

// iam makes passwords for a cache of ElastiCache that knows its users by IAM: requests to connect, which the process's role has signed
// (ElastiCache user guide, "Authenticating with IAM").
type iam struct {
	Cache  string `env:"REDIS_IAM_CACHE"` // the replication group's id; unset: the password is REDIS_URL's
	Region string `env:"REDIS_IAM_REGION"`
	role   aws.CredentialsProvider
}

const (
	passwordLife = "900" // seconds, the most that ElastiCache takes
	// connectionLife is shorter than the 12 h after which ElastiCache cuts a connection.
	connectionLife = 11 * time.Hour
	// noBody is the SHA-256 of the empty body.
	noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// openIAM returns how to make passwords for the cache, or nil if REDIS_IAM_CACHE is not set. It fails with Internal without a region or a role of
// the pod.
func openIAM(e *env.Env) (*iam, error) {
	var i iam
	if err := e.Config(&i); err != nil || i.Cache == "" {
		return nil, err
	}
	role, err := podidentity.Open(e)
	switch {
	case err != nil:
		return nil, err
	case i.Region == "":
		return nil, fault.New(fault.Internal, "REDIS_IAM_REGION is the region of REDIS_IAM_CACHE, like eu-central-1; it is not set")
	case role == nil:
		return nil, fault.New(fault.Internal, "REDIS_IAM_CACHE needs a role of EKS Pod Identity, and the pod has none")
	}
	i.role = role
	return &i, nil
}

// password returns a signed password of the user, which is valid for 15 minutes. It fails if the role's credentials cannot be retrieved.
func (i *iam) password(ctx context.Context, user string) (string, error) {
	credentials, err := i.role.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	query := url.Values{"Action": {"connect"}, "User": {user}, "X-Amz-Expires": {passwordLife}}
	const scheme = "http://" // of the address that is signed; nobody asks it
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+i.Cache+"/?"+query.Encode(), http.NoBody)
	if err != nil {
		return "", fmt.Errorf("REDIS_IAM_CACHE: %w", err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, noBody, "elasticache", i.Region, time.Now())
	return strings.TrimPrefix(signed, scheme), err
}
