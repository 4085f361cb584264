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

// credentialsOf returns the source of the credentials that sign requests: S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY if they are set or mounted,
// otherwise the pod's role in AWS. Without either it returns a source that fails at each request.
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

// Retrieve implements aws.CredentialsProvider. It reads the credentials anew, and fails with Internal if one of them is not set.
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

// of returns the SDK's signer for the credentials, a new one after the secret has changed.
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

// SignHTTP implements s3.HTTPSignerV4.
//
//nolint:revive // argument-limit: the SDK's signature
func (s *signer) SignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) error {
	return s.of(credentials).SignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}

// PresignHTTP implements s3.HTTPPresignerV4.
//
//nolint:revive // argument-limit: the SDK's signature
func (s *signer) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s.of(credentials).PresignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}
