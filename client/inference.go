package maas

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

// InferRequest is a call of a model (Open Inference Protocol, version 2).
type InferRequest struct {
	Target  ref.Target    // the model, and which of its versions; the zero Selector is latest
	Body    []byte        // JSON
	Timeout time.Duration // for the answer, a start of the model included; 0 stands for a minute
	Header  http.Header   // others: Cache-Control, X-Session
}

// slack is how much longer than the timeout the client waits for the server's own answer that it has passed.
const slack = 5 * time.Second

// Infer calls a model and returns the answer, whose body the caller closes. It fails with Timeout once the timeout has passed, with Unavailable while the
// model starts, and with RateLimited while it is busy. The call is not sent again while the model may still run it.
func (c *Client) Infer(ctx context.Context, in InferRequest) (*http.Response, error) {
	if in.Timeout == 0 {
		in.Timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, in.Timeout+slack)
	route := "POST /v2/models/{t}/{m}/infer"
	if in.Target.Selector.String() != string(ref.Latest) {
		route = "POST /v2/models/{t}/{m}/versions/{ref}/infer"
	}
	r, err := newRequest(route, api.VersionRequest{Model: in.Target.Model, Ref: in.Target.Selector}, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	maps.Copy(r.header, in.Header)
	r.header.Set("Content-Type", "application/json")
	r.header.Set("X-Request-Timeout", strconv.FormatInt(in.Timeout.Milliseconds(), 10))
	r.content, r.length = func() io.Reader { return bytes.NewReader(in.Body) }, int64(len(in.Body))
	r.silence = in.Timeout + slack
	answer, err := c.stream(ctx, r)
	if err != nil {
		cancel()
		return nil, err
	}
	answer.Body = ending{answer.Body, cancel}
	return answer, nil
}

// ending is a body that ends its request's context when it is closed.
type ending struct {
	io.ReadCloser

	end context.CancelFunc
}

// Close implements io.Closer.
func (e ending) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}
