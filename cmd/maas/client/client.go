// Package client calls MaaS's API over HTTP, as the signed-in user or by an API key. It refreshes access tokens, tries again what may be
// tried again, and turns problems into faults of the kinds that the server has.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// Client calls one server. It is safe for concurrent use.
type Client struct {
	Server string // "http://localhost:8080"

	http        *http.Client
	credentials credentials
	patience    time.Duration
	retrying    func(error)
}

// Options say how a Client is made. Server is needed.
type Options struct {
	Server string
	Token  string // an access token (MAAS_TOKEN); it is not refreshed
	APIKey string // MAAS_API_KEY
	Store  *Store // what sign-in stored; nil for none
	// Patience is how long a request that may be repeated is tried again while the server is away. 0 stands for no second try.
	Patience time.Duration
	Retrying func(error) // is told of each failure after which there is another try; nil for nobody
}

// New makes a Client.
func New(o Options) *Client {
	server := strings.TrimRight(o.Server, "/")
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 32, IdleConnTimeout: 60 * time.Second,
		ExpectContinueTimeout: time.Second,
		// A body goes out in large pieces: the default of 4 KiB costs a system call for each.
		WriteBufferSize: 256 << 10,
	}
	c := &Client{Server: server, http: &http.Client{Transport: transport, CheckRedirect: redirect}, patience: o.Patience, retrying: o.Retrying}
	if c.retrying == nil {
		c.retrying = func(error) {}
	}
	c.credentials = credentials{client: c, token: o.Token, key: o.APIKey, store: o.Store}
	return c
}

const maxRedirects = 10

// redirect follows to the object store without the credential: its address is signed. (net/http keeps it for the same name on another port.)
func redirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return errors.New("client: too many redirects")
	}
	if next.URL.Host != before[0].URL.Host {
		next.Header.Del("Authorization")
	}
	return nil
}

// Close lets connections go that wait for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one call of the API.
type Request struct {
	Method string
	Path   string            // with the query
	Header map[string]string // besides credentials and content type
	In     any               // encoded as JSON; nil for no body
	Body   func() io.Reader  // a body that is no JSON, made again for each try; an error of it is Do's
	Length int64             // of Body
	Open   bool              // without credentials: sign-in
	Repeat bool              // may be repeated though it is a POST: the server takes it once
	// Silence is how long the server may neither take bytes nor answer; 0 stands for 2 minutes.
	Silence time.Duration
}

// Do calls and decodes the answer into out, unless that is nil.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	return c.patiently(ctx, r, func() error { return c.once(ctx, r, out) })
}

func (c *Client) once(ctx context.Context, r Request, out any) error {
	answer, err := c.try(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	return c.decode(ctx, answer.Body, out)
}

func (c *Client) decode(ctx context.Context, body io.Reader, out any) error {
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err) // the answer broke off
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fault.New(fault.Upstream, "The server's answer cannot be read: is "+c.Server+" a MaaS server?", fault.Cause(err))
	}
	return c.complete(text, out)
}

// maxAnswer bounds an answer that is decoded, in bytes.
const maxAnswer = 64 << 20

// Raw calls and gives the answer of a success; the caller closes its body. Every other answer is a *fault.Error.
func (c *Client) Raw(ctx context.Context, r Request) (answer *http.Response, err error) {
	err = c.patiently(ctx, r, func() (err error) {
		answer, err = c.try(ctx, r) //nolint:bodyclose // the caller closes it
		return err
	})
	return answer, err
}

// patiently calls again while that may help and the patience lasts. It begins with the first failure: a long transfer does not use it up.
func (c *Client) patiently(ctx context.Context, r Request, call func() error) error {
	var deadline time.Time
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := call()
		if err == nil || !again(r, err) {
			return err
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(c.patience)
		}
		pause := max(wait, fault.From(err).RetryAfter)
		if time.Now().Add(pause).After(deadline) {
			return err
		}
		c.retrying(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const (
	firstWait   = 200 * time.Millisecond
	longestWait = 5 * time.Second
)

// again reports whether a failed call is worth another try: the server is away or busy, and the call may be repeated.
func again(r Request, err error) bool {
	kind := fault.KindOf(err)
	if kind == fault.RateLimited {
		return true // it was not begun
	}
	repeatable := r.Repeat || r.Method != http.MethodPost
	return repeatable && kind.Retryable() && kind != fault.Upstream
}

// try makes one call; an access token that is no longer good is refreshed once.
func (c *Client) try(ctx context.Context, r Request) (*http.Response, error) {
	credential, err := c.credential(ctx, r)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, r, credential)
	if !fault.Is(err, fault.Unauthenticated) || r.Open {
		return answer, err
	}
	fresh, refreshErr := c.credentials.renew(ctx, credential)
	if refreshErr != nil {
		return nil, refreshErr
	}
	if fresh == "" {
		return nil, err
	}
	return c.send(ctx, r, fresh)
}

func (c *Client) credential(ctx context.Context, r Request) (string, error) {
	if r.Open {
		return "", nil
	}
	return c.credentials.current(ctx)
}

func (c *Client) send(ctx context.Context, r Request, credential string) (*http.Response, error) {
	watched, watch := newWatch(ctx, r.Silence)
	request, err := c.build(watched, r, credential)
	if err != nil {
		watch.end()
		return nil, err
	}
	body := &watchedBody{Reader: request.Body, watch: watch}
	if r.Body != nil {
		request.Body = io.NopCloser(body)
	}
	answer, err := c.http.Do(request)
	if local := body.err(); local != nil { // whatever the server makes of what came
		watch.end()
		return nil, errors.Join(local, closed(answer))
	}
	if err != nil {
		watch.end()
		return nil, c.unreachable(ctx, errors.Join(err, context.Cause(watched)))
	}
	answer.Body = watch.over(answer.Body)
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }()
	return nil, problem(answer)
}

// closed ends an answer that nobody reads, if there is one.
func closed(answer *http.Response) error {
	if answer == nil {
		return nil
	}
	return answer.Body.Close()
}

func (c *Client) build(ctx context.Context, r Request, credential string) (*http.Request, error) {
	body, contentType := io.Reader(http.NoBody), ""
	switch {
	case r.In != nil:
		text, err := json.Marshal(r.In)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body, contentType = bytes.NewReader(text), "application/json"
	case r.Body != nil:
		body, contentType = r.Body(), "application/octet-stream"
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.Server+r.Path, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The server's address is malformed: "+c.Server, fault.Field("server"), fault.Cause(err))
	}
	if r.Body != nil {
		request.ContentLength = r.Length
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	return request, nil
}

// unreachable says in words why the server did not answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	why := "it does not answer"
	if errors.Is(err, errSilent) {
		why = "it has fallen silent"
	}
	var unknown *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "nothing listens there; start one with `maas up`"
	case errors.As(err, &unknown):
		why = "the name is unknown"
	}
	return fault.New(fault.Unavailable, fmt.Sprintf("The server %s cannot be reached: %s.", c.Server, why), fault.Cause(err))
}
