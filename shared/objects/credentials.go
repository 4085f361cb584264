package objects

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/podidentity"
)

// credentialsOf returns what requests are signed with: the keys that are set or mounted, and else the process's role in AWS.
func credentialsOf(e *env.Env) (aws.CredentialsProvider, error) {
	id, err := e.Secret("S3_ACCESS_KEY_ID")
	if err != nil && !errors.Is(err, fs.ErrNotExist) || id != "" {
		return mounted{e.Secret}, nil // what cannot be read now is told by each request
	}
	role, err := podidentity.Open(e)
	if err != nil || role == nil {
		return mounted{e.Secret}, err
	}
	return role, nil
}

// mounted reads the credentials for each request: managed credentials rotate in their files.
type mounted struct {
	secret func(name string) (string, error)
}

func (m mounted) Retrieve(context.Context) (aws.Credentials, error) {
	id, err := m.secret("S3_ACCESS_KEY_ID")
	if err != nil {
		return aws.Credentials{}, err
	}
	key, err := m.secret("S3_SECRET_ACCESS_KEY")
	if err != nil {
		return aws.Credentials{}, err
	}
	if id == "" || key == "" {
		return aws.Credentials{}, fault.New(fault.Internal, "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set")
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: key}, nil
}

// signer is the SDK's, made anew when the secret changes: its own cache of keys looks only at the access key's id, for a day.
type signer struct {
	mu     sync.Mutex
	secret string
	signer *v4.Signer
}

func (s *signer) of(credentials aws.Credentials) *v4.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signer == nil || s.secret != credentials.SecretAccessKey {
		// S3 signs paths as they are, escaped once.
		s.signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		s.secret = credentials.SecretAccessKey
	}
	return s.signer
}

// SignHTTP is s3.HTTPSignerV4's.
//
//nolint:revive // argument-limit: the SDK's signature
func (s *signer) SignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) error {
	return s.of(credentials).SignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}

// PresignHTTP is s3.HTTPPresignerV4's.
//
//nolint:revive // argument-limit: the SDK's signature
func (s *signer) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s.of(credentials).PresignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}
