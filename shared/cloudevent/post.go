package cloudevent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/17882237881/MaaS/shared/socket"
)

// Poster posts events to one sink: the broker's ingress (K_SINK), or a function.
type Poster struct {
	signer Signer
	sink   string
	client *http.Client
}

// NewPoster returns a Poster of events to the sink's URL, which may be one of socket.URL. It does not connect.
func NewPoster(signer Signer, sink string) *Poster {
	return &Poster{signer, sink, &http.Client{
		Transport: &http.Transport{
			DialContext:         socket.Dialer(3 * time.Second),
			MaxIdleConnsPerHost: 16, MaxConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
		},
	}}
}

// ErrFinal marks a refusal that another try will not change.
var ErrFinal = errors.New("the sink refused the event for good")

// Post sends the event and returns nil once the sink has accepted it (any 2xx). It waits at most 30 s. An error that wraps ErrFinal is final; any
// other may be tried again.
func (p *Poster) Post(ctx context.Context, e Event) error {
	body, err := p.signer.Encode(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	return p.PostEncoded(ctx, body)
}

// acceptance is how long a broker may take to accept an event; it acts on none.
const acceptance = 30 * time.Second

// PostEncoded sends an encoded event as Post does, but waits as long as ctx lasts.
func (p *Poster) PostEncoded(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.sink, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	r.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON+"; charset=UTF-8")
	answer, err := p.client.Do(r)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	switch {
	case answer.StatusCode < 300:
		return nil
	case Retryable(answer.StatusCode):
		return fmt.Errorf("event: the sink answered %s", answer.Status)
	default:
		return fmt.Errorf("event: %w: it answered %s", ErrFinal, answer.Status)
	}
}

// Retryable reports whether an event may be sent again after the sink answered with the status: 5xx, 404, 408, 409 or 429, as in Knative's
// channels.
func Retryable(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

// CloseIdle ends the connections that no post uses.
func (p *Poster) CloseIdle() { p.client.CloseIdleConnections() }
