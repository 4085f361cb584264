package openinference

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/socket"
)

// Endpoint is a model as a model server offers it.
type Endpoint struct {
	Server  string // the server's address: "http://127.0.0.1:8081", or one of socket.URL
	Model   string // may hold a slash
	Version string // "": the one that the server chooses
}

// path returns the model's REST address with last at its end: "/infer", "/ready" or "".
func (e Endpoint) path(last string) string {
	path := strings.TrimSuffix(e.Server, "/") + "/v2/models/" + escapeModel(e.Model)
	if e.Version != "" {
		path += "/versions/" + url.PathEscape(e.Version)
	}
	return path + last
}

// escapeModel escapes a model's name for a path, except its slashes, as the protocol's Python clients do.
func escapeModel(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), "%2F", "/")
}

// Client calls model servers. It is safe for concurrent use; what a call may take is its context's deadline, and the server is told when the
// caller goes away.
type Client struct {
	rest        *http.Client
	grpc        *http.Client
	maxResponse int64
}

// NewClient returns a client of model servers. maxResponse limits, in bytes, the responses that the client buffers;
// those that it streams are not limited.
func NewClient(maxResponse int64) *Client {
	return &Client{rest: plainClient(transport()), grpc: plainClient(h2cTransport()), maxResponse: maxResponse}
}

// plainClient returns a client that follows no redirects: a model server must not send us elsewhere.
func plainClient(t *http.Transport) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// transport returns a transport for model servers, by TCP or a Unix socket, which does not ask for compression.
func transport() *http.Transport {
	return &http.Transport{
		DialContext:         socket.Dialer(5 * time.Second),
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true, // tensors travel as they are
		ReadBufferSize:      32 << 10,
		WriteBufferSize:     32 << 10,
	}
}

// h2cTransport is transport for HTTP/2 without TLS, as gRPC needs it.
func h2cTransport() *http.Transport {
	t := transport()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// Close drops the idle connections.
func (c *Client) Close() {
	c.rest.CloseIdleConnections()
	c.grpc.CloseIdleConnections()
}

// Forward sends the parts of body, one after the other, as an inference request, with ctx's deadline as its timeout. header is the value of
// HeaderLength, "" for plain JSON. It returns the server's response whatever its status; the caller closes its body. It fails only if there is
// no response: with Canceled, Timeout or Unavailable.
func (c *Client) Forward(ctx context.Context, e Endpoint, body [][]byte, header string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.path("/infer"), partsReader(body))
	if err != nil {
		return nil, fault.New(fault.Internal, "the model server's address is malformed", fault.Op("openinference.Forward"), fault.Cause(err))
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(partsReader(body)), nil } // for another try on another connection
	r.ContentLength = 0
	for _, part := range body {
		r.ContentLength += int64(len(part))
	}
	if header == "" {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set(HeaderLength, header)
	}
	if deadline, ok := ctx.Deadline(); ok {
		r.Header.Set(TimeoutHeader, strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10))
	}
	return c.send(ctx, r)
}

// partsReader returns a reader of the parts, one after the other. It does not change parts.
func partsReader(parts [][]byte) io.Reader {
	if len(parts) == 1 {
		return bytes.NewReader(parts[0])
	}
	rest := net.Buffers(slices.Clone(parts)) // it is consumed
	return &rest
}

// AgeHeader is the HTTP header by which a model server says, in milliseconds, for how long it had been ready when it answered. A caller who has
// waited longer than that has waited for its start.
const AgeHeader = "X-Ready-Ms"

// TimeoutHeader is the HTTP header that says, in milliseconds, how long the caller waits for an answer.
const TimeoutHeader = "X-Request-Timeout"

// Infer runs a model over REST. A refusal by the server is a fault of the kind of its status, with the server's sentence. Without an answer it
// fails with Canceled, Timeout or Unavailable, and for a malformed or too long one with Upstream.
func (c *Client) Infer(ctx context.Context, e Endpoint, in *Request) (*Response, error) {
	body, header, err := AppendRequest(nil, in)
	if err != nil {
		return nil, err
	}
	value := ""
	if header > 0 {
		value = strconv.Itoa(header)
	}
	answer, err := c.Forward(ctx, e, [][]byte{body}, value)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := c.read(ctx, answer)
	if err != nil {
		return nil, err
	}
	if header, err = ParseHeaderLength(answer.Header.Get(HeaderLength), len(text)); err != nil {
		return nil, nonsense(err)
	}
	out, err := DecodeResponse(text, header)
	if err != nil {
		return nil, nonsense(err)
	}
	return out, nil
}

// Metadata returns a model's inputs and outputs, which it asks for over REST. It fails as Infer does.
func (c *Client) Metadata(ctx context.Context, e Endpoint) (*ModelMetadata, error) {
	text, err := c.get(ctx, e.path(""))
	if err != nil {
		return nil, err
	}
	m := &ModelMetadata{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, nonsense(err)
	}
	return m, nil
}

// Ready returns nil if the model takes requests. Otherwise it fails as Infer does.
func (c *Client) Ready(ctx context.Context, e Endpoint) error {
	_, err := c.get(ctx, e.path("/ready"))
	return err
}

// get returns the body of the answer to a GET. It fails as read does, and if there is no answer.
func (c *Client) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fault.New(fault.Internal, "the model server's address is malformed", fault.Cause(err))
	}
	answer, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return c.read(ctx, answer)
}

// send sends a request over REST and returns the response, whatever its status. The caller closes its body.
func (c *Client) send(ctx context.Context, r *http.Request) (*http.Response, error) {
	answer, err := c.rest.Do(r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return answer, nil
}

// read returns the body of an answer with status 200. Any other status becomes the fault of Refusal. A body of more than maxResponse bytes is
// Upstream.
func (c *Client) read(ctx context.Context, answer *http.Response) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(answer.Body, c.maxResponse+1))
	switch {
	case err != nil:
		return nil, unreachable(ctx, err)
	case int64(len(text)) > c.maxResponse:
		return nil, fault.New(fault.Upstream, fmt.Sprintf("the model's answer is longer than %d bytes", c.maxResponse))
	case answer.StatusCode != http.StatusOK:
		return nil, Refusal(answer.StatusCode, text)
	default:
		return text, nil
	}
}

// Refusal returns the fault that a model server's answer with another status than 200 means, with the sentence of its body's "error" or "detail" and the
// fields of its "errors".
func Refusal(status int, body []byte) error {
	var problem struct {
		Error  string `json:"error"`
		Detail string `json:"detail"` // of a problem (RFC 9457), from what stands before the model server

		Errors []fault.FieldError `json:"errors"`
	}
	kind := fault.Upstream
	if status >= http.StatusBadRequest {
		kind = kindOfServer(fault.KindOfStatus(status))
	}
	_ = json.Unmarshal(body, &problem) // what is no JSON says nothing
	message := cmp.Or(problem.Error, problem.Detail, "the model server answered "+strconv.Itoa(status))
	return fault.New(kind, message, fault.Op("openinference"), fault.Fields(problem.Errors...))
}

// kindOfServer returns what the kind of a model server's refusal is to the caller of the model. A defect of the server, or a credential that
// it refuses, is Upstream.
func kindOfServer(kind fault.Kind) fault.Kind {
	switch kind {
	case fault.Internal, fault.Unauthenticated, fault.Forbidden:
		return fault.Upstream
	case fault.Unsatisfiable: // of a Range header for us, of a tensor's values for the server (OUT_OF_RANGE)
		return fault.Invalid
	default:
		return kind
	}
}

// unreachable returns the fault of a call that got no whole answer: Canceled or Timeout if ctx has ended, and otherwise Unavailable.
func unreachable(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Canceled, "The client went away.", fault.Cause(err))
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, "the model did not answer before the deadline", fault.Cause(err))
	default:
		return fault.New(fault.Unavailable, "the model server cannot be reached", fault.Cause(err))
	}
}

// nonsense returns the Upstream fault of an answer that is malformed.
func nonsense(err error) error {
	return fault.New(fault.Upstream, "the model server's answer is malformed", fault.Cause(err))
}
