// Package podidentity gives the credentials of the process's role in AWS, where EKS Pod Identity associates one with its ServiceAccount.
package podidentity

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
)

const (
	answerTime = 5 * time.Second
	answerSize = 64 << 10 // bytes
	// margin is how long before their end credentials are replaced: an address that they sign for an hour is good for that hour. The agent has
	// none with less than three hours left.
	margin = 65 * time.Minute
)

// Open returns the credentials of the process's role, nil if it has none. It asks nobody: Retrieve does, and keeps the answer until it is about
// to end. They may be used at the same time.
func Open(e *env.Env) (*aws.CredentialsCache, error) {
	return env.Once(e, "podidentity", func(context.Context) (*aws.CredentialsCache, func(context.Context) error, error) {
		const variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
		address, err := e.Secret(variable)
		if err != nil || address == "" {
			return nil, nil, err
		}
		a := &agent{
			address: address,
			token:   func() (string, error) { return e.Secret("AWS_CONTAINER_AUTHORIZATION_TOKEN") },
			// A connection every few hours, to the node itself.
			client: &http.Client{Timeout: answerTime, Transport: &http.Transport{DisableKeepAlives: true}},
		}
		return aws.NewCredentialsCache(a, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = margin }), nil, nil
	})
}

// agent is the one of EKS Pod Identity on the node, which knows the pod by a token that is mounted and rotates.
type agent struct {
	address string
	token   func() (string, error)
	client  *http.Client
}

// answer is the agent's (AWS SDKs and Tools reference guide, container credential provider).
type answer struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
}

// Retrieve implements aws.CredentialsProvider. It fails with Unavailable.
func (a *agent) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := a.ask(ctx)
	if err != nil {
		return aws.Credentials{}, fault.New(fault.Unavailable, "EKS Pod Identity gives no credentials now; try again",
			fault.Op("podidentity.Retrieve"), fault.Cause(err))
	}
	return aws.Credentials{
		AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.Token,
		Source: "EKS Pod Identity", CanExpire: !got.Expiration.IsZero(), Expires: got.Expiration,
	}, nil
}

func (a *agent) ask(ctx context.Context) (answer, error) {
	token, err := a.token()
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.address, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", token)
	response, err := a.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(response.Body, answerSize))
	if err != nil {
		return answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("the agent answered %s: %s", response.Status, body)
	}
	var got answer
	if err := json.Unmarshal(body, &got); err != nil {
		return answer{}, fmt.Errorf("the agent's answer: %w", err)
	}
	if got.AccessKeyID == "" || got.SecretAccessKey == "" {
		return answer{}, fmt.Errorf("the agent's answer of %d bytes has no credentials", len(body))
	}
	return got, nil
}
