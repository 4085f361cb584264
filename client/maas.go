// Package maas is a client of the whole API of MaaS. It needs module api and the standard library alone.
//
//	client, err := maas.New("https://maas.example.com", maas.WithAPIKey(os.Getenv("MAAS_API_KEY")))
//	version, err := client.GetVersion(ctx, api.VersionRequest{Model: model, Ref: latest})
//
// A method returns an error of type [fault.Error], whose kind says what the caller can do about it. Lists are read page by page by the List methods, and
// item by item by the iterators beside them.
package maas

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// Client calls one server. It is safe for concurrent use. Close it when it is not needed any more.
//
// A request that a server may get twice without harm is sent again while the server is away or too busy, for as long as WithRetry says: each but those POSTs
// to which the client gives no Idempotency-Key. If the answer to a DELETE or to a conditional write is lost, the next try may fail with NotFound or
// PreconditionFailed although the first one succeeded.
type Client struct {
	server      string
	http        *http.Client
	credentials Credentials
	patience    time.Duration
	retrying    func(error)
}

// An Option sets how a client works.
type Option func(*Client)

// WithAPIKey signs requests with an API key.
func WithAPIKey(key string) Option { return WithCredentials(fixed(key)) }

// WithToken signs requests with an access token, which is not refreshed.
func WithToken(token string) Option { return WithCredentials(fixed(token)) }

// WithCredentials signs requests with what c gives.
func WithCredentials(c Credentials) Option { return func(client *Client) { client.credentials = c } }

// WithRetry sends requests again for up to d after they failed for the first time, where that is safe. notify is told of each failure that is followed by
// another try, from several goroutines at once; nil stands for nobody. Without this option each request is sent once.
func WithRetry(d time.Duration, notify func(error)) Option {
	return func(client *Client) {
		client.patience = d
		if notify != nil {
			client.retrying = notify
		}
	}
}

// New returns a client of the server at an address like "http://localhost:8080". It fails with Invalid for anything but an HTTP or HTTPS address without
// query, fragment and user.
func New(server string, options ...Option) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fault.New(fault.Invalid, "The server's address must be like http://localhost:8080.", fault.Field("server"))
	}
	c := &Client{
		server: strings.TrimRight(u.String(), "/"), credentials: fixed(""), retrying: func(error) {},
		http: &http.Client{CheckRedirect: redirect, Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 32, IdleConnTimeout: 60 * time.Second,
			ExpectContinueTimeout: time.Second,
			WriteBufferSize:       256 << 10, // chunks are long: the default of 4 KiB costs a system call for each 4 KiB
		}},
	}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

// Server returns the server's address, without a slash at its end.
func (c *Client) Server() string { return c.server }

// Close closes idle connections. Requests that are under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }
