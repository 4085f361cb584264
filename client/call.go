package maas

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
)

// request is one request, however often it is sent.
type request struct {
	encoded

	content func() io.Reader // a body that is no JSON, made again for each try; nil for none
	length  int64            // of content, in bytes
	open    bool             // needs no credential
	once    bool             // is not sent again
	silence time.Duration    // for which the server may neither take bytes nor answer; 0 stands for longestSilence
}

// A setting changes how a request is sent.
type setting func(*request)

// open marks a request that needs no credential.
func open(r *request) { r.open = true }

// once marks a request that must not be retried.
func once(r *request) { r.once = true }

// keyed gives a POST an Idempotency-Key, by which the server recognises it when it is sent again.
func keyed(r *request) { r.header.Set("Idempotency-Key", rand.Text()) }

// slow raises the limit on silence to 10 minutes, for requests that wait until a model has started.
func slow(r *request) { r.silence = 10 * time.Minute }

// call sends a request of package api to a route and returns the answer's JSON. It retries and fails as do does.
func call[Out any](ctx context.Context, c *Client, route string, in any, settings ...setting) (out Out, err error) {
	err = c.do(ctx, route, in, &out, settings...)
	return out, err
}

// do sends a request to a route, again where that is safe (retry), and reads the answer's JSON into out; a nil out reads none. It fails with the server's
// fault, with Unavailable if there is no whole answer, and with Upstream if the answer is not what out needs.
func (c *Client) do(ctx context.Context, route string, in, out any, settings ...setting) error {
	r, err := newRequest(route, in, settings)
	if err != nil {
		return err
	}
	return c.retry(ctx, r, func() error {
		answer, err := c.try(ctx, r)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		return c.decode(ctx, answer, out)
	})
}

// stream sends a request, again where that is safe (retry), and returns the answer, whose body the caller closes. It fails as send does.
func (c *Client) stream(ctx context.Context, r request) (answer *http.Response, err error) {
	err = c.retry(ctx, r, func() (err error) {
		answer, err = c.try(ctx, r) //nolint:bodyclose // the caller closes it
		return err
	})
	return answer, err
}

// newRequest returns the request for a route, with the settings. A nil in has no fields. It fails if in cannot be encoded.
func newRequest(route string, in any, settings []setting) (request, error) {
	e, err := encode(route, in)
	r := request{encoded: e}
	for _, set := range settings {
		set(&r)
	}
	return r, err
}

// maxAnswer bounds an answer that is read as JSON, in bytes.
const maxAnswer = 64 << 20

// decode reads the JSON of an answer, of which it takes 64 MiB, into out; a nil out takes none. The Revision of an upload is the ETag. It fails with
// Unavailable if the answer breaks off, and with Upstream if it is not what out needs.
func (c *Client) decode(ctx context.Context, answer *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err) // the answer broke off
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fault.New(fault.Upstream, "The server's answer cannot be read: is "+c.server+" a MaaS server?", fault.Cause(err))
	}
	if u, ok := out.(*api.Upload); ok {
		u.Revision = strings.Trim(answer.Header.Get("ETag"), `"`)
	}
	return c.complete(text, out)
}

// The pauses between two tries.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// retry calls send until it succeeds, fails for good (again), or has failed for as long as WithRetry says. Then it returns send's last error. If ctx ends
// during a pause it returns ctx's error.
func (c *Client) retry(ctx context.Context, r request, send func() error) error {
	var deadline time.Time
	for pauses := (backoff.Backoff{First: firstPause, Longest: longestPause}); ; {
		err := send()
		if err == nil || !again(r, err) {
			return err
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(c.patience)
		}
		pause := max(pauses.Next(), fault.From(err).RetryAfter)
		if time.Now().Add(pause).After(deadline) {
			return err
		}
		c.retrying(err)
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// again reports whether a request that failed may be sent again.
func again(r request, err error) bool {
	kind := fault.KindOf(err)
	switch {
	case r.once:
		return false
	case kind == fault.RateLimited:
		return true // it was not begun
	case r.method == http.MethodPost && r.header.Get("Idempotency-Key") == "":
		return false
	default:
		return kind.Retryable() && kind != fault.Upstream
	}
}

// try sends a request once, or twice if the server refuses the credential and there is another. It fails as send does, and with the error of the
// credentials.
func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	if r.open {
		return c.send(ctx, r, "")
	}
	credential, err := c.credentials.Credential(ctx, "")
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, r, credential)
	if !fault.Is(err, fault.Unauthenticated) {
		return answer, err
	}
	fresh, freshErr := c.credentials.Credential(ctx, credential)
	if freshErr != nil {
		return nil, freshErr
	}
	if fresh == "" {
		return nil, err
	}
	return c.send(ctx, r, fresh)
}

// send sends a request and returns an answer of success. It fails with the fault of any other answer, with Unavailable if there is none, and with the
// error of a body that cannot be read.
func (c *Client) send(ctx context.Context, r request, credential string) (*http.Response, error) {
	watched, watch := newWatch(ctx, r.silence)
	sent, err := c.build(watched, r, credential)
	if err != nil {
		watch.end()
		return nil, err
	}
	body := &watchedBody{Reader: sent.Body, watch: watch}
	if r.content != nil {
		sent.Body = io.NopCloser(body)
	}
	answer, err := c.http.Do(sent)
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

// closed closes the answer's body; a nil answer has none.
func closed(answer *http.Response) error {
	if answer == nil {
		return nil
	}
	return answer.Body.Close()
}

// build returns the HTTP request for r, with its body made anew and signed with the credential; "" signs nothing. It fails with Invalid if the server's
// address is malformed.
func (c *Client) build(ctx context.Context, r request, credential string) (*http.Request, error) {
	body := io.Reader(http.NoBody)
	switch {
	case r.content != nil:
		body = r.content()
	case r.body != nil:
		body = bytes.NewReader(r.body)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, c.server+r.path, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The server's address is malformed: "+c.server, fault.Field("server"), fault.Cause(err))
	}
	maps.Copy(sent.Header, r.header)
	switch {
	case r.content != nil:
		sent.ContentLength = r.length
		if sent.Header.Get("Content-Type") == "" {
			sent.Header.Set("Content-Type", "application/octet-stream")
		}
	case r.body != nil:
		sent.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		sent.Header.Set("Authorization", "Bearer "+credential)
	}
	return sent, nil
}

const maxRedirects = 10

// redirect follows reads that the server redirects to the object store, up to ten times, and no other requests. It drops the credential at another address,
// which needs none since it is signed; net/http would keep it for the same host name on another port.
func redirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return errors.New("maas: too many redirects")
	}
	first := before[0]
	if first.Method != http.MethodGet && first.Method != http.MethodHead {
		return http.ErrUseLastResponse // a body is for the server that it was sent to
	}
	if next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme {
		next.Header.Del("Authorization")
	}
	return nil
}

// unreachable returns the error of a request that got no answer: ctx's error if ctx has ended, else a fault that says why.
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
	return fault.New(fault.Unavailable, fmt.Sprintf("The server %s cannot be reached: %s.", c.server, why), fault.Cause(err))
}
