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

// path returns the endpoint's REST address with the last part, "/infer", "/ready" or "".
func (e Endpoint) path(last string) string {
	path := strings.TrimSuffix(e.Server, "/") + "/v2/models/" + escapeModel(e.Model)
	if e.Version != "" {
		path += "/versions/" + url.PathEscape(e.Version)
	}
	return path + last
}

// escapeModel escapes all but the slashes between a name's parts, as the protocol's Python clients do.
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

// plainClient follows no redirects: a model server has no business to send the gateway elsewhere.
func plainClient(t *http.Transport) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

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

// Forward sends the body of an inference request as it is, whose parts are one after the other; header is what HeaderLength said of it, "" without. The
// response is the server's, whatever its status; the caller closes its body. An error means that the server gave no response.
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

// partsReader reads the parts one after the other.
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

// Infer runs a model over REST. A refusal by the server is a fault of the kind of its status, with the server's sentence.
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

// Metadata asks for a model's inputs and outputs over REST.
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

// Ready asks whether the model takes requests; nil says yes.
func (c *Client) Ready(ctx context.Context, e Endpoint) error {
	_, err := c.get(ctx, e.path("/ready"))
	return err
}

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

func (c *Client) send(ctx context.Context, r *http.Request) (*http.Response, error) {
	answer, err := c.rest.Do(r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return answer, nil
}

// read returns the body of a 200; any other status becomes a fault.
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

// kindOfServer returns what a model server's refusal means to who called the model. A defect of the server, and a credential that it does not take, which is
// not the caller's, are Upstream.
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

// unreachable classifies the failure of a call that got no whole answer.
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

func nonsense(err error) error {
	return fault.New(fault.Upstream, "the model server's answer is malformed", fault.Cause(err))
}
