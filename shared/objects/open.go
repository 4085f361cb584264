package objects

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
)

// config is the store's configuration; the credentials are read apart (mounted), because they change under a running process.
type config struct {
	Endpoint       string        `env:"S3_ENDPOINT,notEmpty"`
	PublicEndpoint string        `env:"S3_PUBLIC_ENDPOINT"` // where clients reach the store; unset: they cannot
	Bucket         string        `env:"S3_BUCKET" envDefault:"maas"`
	Region         string        `env:"S3_REGION" envDefault:"us-east-1"`
	Profile        string        `env:"S3_PROFILE" envDefault:"s3"`
	DialTimeout    time.Duration `env:"S3_DIAL_TIMEOUT" envDefault:"3s"`
	AnswerTimeout  time.Duration `env:"S3_ANSWER_TIMEOUT" envDefault:"15s"` // from the end of a request to the first byte of its answer
	CommitTimeout  time.Duration `env:"S3_COMMIT_TIMEOUT" envDefault:"1m"`  // the same for a part, which the store syncs to its disk first
	StallTimeout   time.Duration `env:"S3_STALL_TIMEOUT" envDefault:"15s"`  // without one byte in a body
}

// Open returns the process's store as the S3_* variables describe it. It fails if they are invalid. It does not connect to the store; Ready does.
func Open(_ context.Context, e *env.Env) (*Store, error) {
	return env.Once(e, "objects", func(context.Context) (*Store, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		credentials, err := credentialsOf(e)
		if err != nil {
			return nil, nil, err
		}
		trusted, err := e.Authority("S3_CA")
		if err != nil {
			return nil, nil, err
		}
		s, err := c.store(credentials, trusted)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	})
}

// store returns a store with the configuration. A nil trusted stands for the system's authorities. It fails for an unknown profile, a malformed
// address, or an authority for an address without TLS.
func (c config) store(credentials aws.CredentialsProvider, trusted *tls.Config) (*Store, error) {
	profile, err := profileOf(c.Profile)
	if err != nil {
		return nil, err
	}
	if err := checkEndpoint("S3_ENDPOINT", c.Endpoint); err != nil {
		return nil, err
	}
	if trusted != nil && !strings.HasPrefix(c.Endpoint, "https://") {
		return nil, fault.New(fault.Internal, "S3_CA is set, but S3_ENDPOINT does not begin with https://: the connection would not be encrypted")
	}
	quick, commit, assemble := c.transport(c.AnswerTimeout, trusted), c.transport(c.CommitTimeout, trusted), c.transport(assembly, trusted)
	s := &Store{
		bucket: c.Bucket, profile: profile, stall: c.StallTimeout, idle: []*http.Transport{quick, commit, assemble},
		client:   s3.New(c.options(credentials, c.Endpoint, quick)),
		commit:   func(o *s3.Options) { o.HTTPClient = client(commit) },
		assemble: func(o *s3.Options) { o.HTTPClient = client(assemble) },
	}
	if c.PublicEndpoint == "" {
		return s, nil
	}
	if err := checkEndpoint("S3_PUBLIC_ENDPOINT", c.PublicEndpoint); err != nil {
		return nil, err
	}
	s.public = s3.NewPresignClient(s3.New(c.options(credentials, c.PublicEndpoint, quick)), func(o *s3.PresignOptions) { o.Presigner = &signer{} })
	return s, nil
}

// options returns the SDK's options for an address of the store: three attempts at most, and no trailing checksums, which stores other than
// Amazon's do not know.
func (c config) options(credentials aws.CredentialsProvider, endpoint string, transport *http.Transport) s3.Options {
	return s3.Options{
		BaseEndpoint: aws.String(strings.TrimSuffix(endpoint, "/")),
		Region:       c.Region,
		Credentials:  credentials,
		HTTPSignerV4: &signer{},
		UsePathStyle: true, // a store by its address has no name per bucket
		HTTPClient:   client(transport),
		// Stores other than Amazon's do not know the trailing checksums that are the SDK's default; ours are given by hand.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 3, time.Second/2
			o.RateLimiter = ratelimit.None // the default would refuse to retry for a while after an outage
		}),
	}
}

// checkEndpoint fails with Internal unless the endpoint is an http or https URL with a host. name is its variable.
func checkEndpoint(name, endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fault.New(fault.Internal, name+" is the address of an S3 server, like http://127.0.0.1:9000; this is "+endpoint)
	}
	return nil
}
