package inference

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/registry"
	"github.com/17882237881/MaaS/shared/share"
)

// call is one request for a run of a model.
type call struct {
	who     auth.Principal
	holder  share.Holder // whom memory and slots are charged to
	memory  loan         // for the body, and what is made out of it
	work    decoding.Work
	target  ref.Target
	body    [][]byte      // its parts, which follow each other
	size    int64         // of the body
	header  string        // how many bytes of the body are JSON, as openinference.HeaderLength says it; "" for all
	session string        // the caller's word for calls that go to the same version of split traffic; "" for none
	timeout time.Duration // from the call's begin to the end of its answer
	wait    time.Duration // for a version that starts, at most; 0 for the whole timeout
	noCache bool          // run the model, whatever is kept
	noStore bool          // the same, and keep nothing

	contentType string                 // as the caller said it
	request     *openinference.Request // what the body says, if it has been read
	id          string                 // the request's, once it is known

	unary   bool              // over gRPC: the answer is needed whole
	typed   bool              // over gRPC: contents are typed, as the answer's are to be
	version *registry.Version // that the target led to before the body was read; nil if it was not looked for
	located time.Time         // when
}

// locatedFor is for how long a version is used that was found before the body was read.
const locatedFor = time.Second

// setBody sets the body's parts.
func (c *call) setBody(parts [][]byte) {
	c.body, c.size = parts, 0
	for _, part := range parts {
		c.size += int64(len(part))
	}
}

// answer is what a model server said: its body is either whole or still to come.
type answer struct {
	contentType string
	header      string // as call's
	head        []byte // stands before whole
	whole       []byte
	rest        io.ReadCloser // nil if whole is all
	length      int64         // of rest, -1 if it is not known
	held        *loan         // for whole; nil if it is charged to nobody
	anonymous   bool          // whole is as openinference.WithoutIdentity gives it
}

// close ends an answer that nobody reads any more.
func (a *answer) close() {
	if a.rest != nil {
		_ = a.rest.Close() // only read from
	}
	if a.held != nil {
		a.held.leave()
		a.held = nil
	}
}

// run finds the version, and gives its answer, kept or new. The report says what was done, in any case.
func (g *Gateway) run(ctx context.Context, c *call) (*answer, *report, error) {
	r := &report{began: time.Now()}
	a, err := g.find(ctx, c, r)
	return a, r, c.ended(err, r)
}

func (g *Gateway) find(ctx context.Context, c *call, r *report) (*answer, error) {
	version, err := c.version, error(nil)
	if version == nil || time.Since(c.located) > locatedFor {
		version, err = g.locate(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	r.version, r.cache = version, cacheBypass
	var n names
	if g.results.covers(c, version) {
		var a *answer
		if n, a, err = g.results.recall(ctx, c, version); err != nil {
			return nil, err
		}
		if a != nil {
			r.cache = cacheHit
			return a, nil
		}
	}
	// Each call waits for the start by itself, in its own time: what a shared run has is the time of all who wait for it.
	if version, err = g.awaitStart(ctx, c, version, r); err != nil {
		return nil, err
	}
	run := func(ctx context.Context, r *report) (*answer, error) { return g.compute(ctx, c, version, r) }
	return g.whileItMayStart(ctx, c, r, func(ctx context.Context) (*answer, error) {
		if n.meant == "" {
			return run(ctx, r)
		}
		return g.results.share(ctx, c, n, r, run)
	})
}

// admit finds the version that the call goes to, before its body is read.
func (g *Gateway) admit(ctx context.Context, c *call) (err error) {
	c.version, err = g.locate(ctx, c)
	c.located = time.Now()
	return err
}

// compute calls the version's model server when a slot is free, which is given back when that has answered.
func (g *Gateway) compute(ctx context.Context, c *call, v *registry.Version, r *report) (*answer, error) {
	since := time.Now()
	r.stage = queued
	at, err := g.slots.acquire(ctx, v.ID, c.holder)
	if err != nil {
		r.queue = time.Since(since)
		return nil, err
	}
	r.granted(since)
	began, cold := time.Now(), r.cold
	a, err := g.forward(ctx, c, v, r, at)
	r.compute = max(0, time.Since(began)-(r.cold-cold)) // an activator's wait is none of the model's
	return a, err
}

const (
	// wholeAnswer is the longest answer that is read before it is passed on, so that a server's failure within it can still be told as such.
	wholeAnswer = 1 << 20
	// longestRefusal bounds what is read of an error's body.
	longestRefusal = 64 << 10
	// ownRuntime knows the versions' names; other servers have their own, of which there is one.
	ownRuntime = "maas-onnx"
)

// forward calls the model server, and gives the slot back when that has answered.
func (g *Gateway) forward(ctx context.Context, c *call, v *registry.Version, r *report, at *slot) (*answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	sent := time.Now()
	response, err := g.servers.Forward(ctx, endpointOf(c.target.Model, v), c.body, c.header)
	if err == nil && response.StatusCode == http.StatusOK {
		r.started(response.Header, time.Since(sent))
		return g.read(ctx, c, response, cancel, at)
	}
	defer at.release()
	defer cancel()
	if err != nil {
		return nil, g.broken(ctx, c, v, err)
	}
	r.started(response.Header, time.Since(sent))
	return nil, g.refused(ctx, c, v, response)
}

// refused gives what a server's answer with another status than 200 means.
func (g *Gateway) refused(ctx context.Context, c *call, v *registry.Version, response *http.Response) error {
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longestRefusal))
	switch {
	case err != nil:
		return cut(ctx, err)
	case response.StatusCode == http.StatusNotFound && !json.Valid(text): // an ingress's that knows no such server: the protocol's errors are JSON
		g.registry.Missing(ctx, c.who, c.target, v)
		return fault.New(fault.Unavailable, "the model server cannot be reached")
	default:
		return openinference.Refusal(response.StatusCode, text)
	}
}

func endpointOf(m ref.Model, v *registry.Version) openinference.Endpoint {
	e := openinference.Endpoint{Server: v.Endpoint, Model: m.String()}
	if v.Runtime == ownRuntime {
		e.Version = v.Version.String()
	}
	return e
}

// read gives a short answer whole, and a relay of a long one or one of unknown length. A call that needs it whole gets that as it comes, since what a relay
// read ahead would be in memory twice.
func (g *Gateway) read(ctx context.Context, c *call, response *http.Response, cancel context.CancelFunc, at *slot) (*answer, error) {
	a := &answer{
		contentType: response.Header.Get("Content-Type"), header: response.Header.Get(openinference.HeaderLength), length: response.ContentLength,
	}
	held := &loan{}
	held.lend(g.memory, c.holder)
	if a.length < 0 || a.length > wholeAnswer || !held.try(a.length) {
		if c.unary {
			a.rest = &direct{response.Body, cancel, at}
		} else {
			a.rest = g.newRelay(c, response.Body, cancel, at)
		}
		return a, nil
	}
	defer at.release()
	defer cancel()
	defer response.Body.Close()
	a.whole, a.held = make([]byte, a.length), held
	if _, err := io.ReadFull(response.Body, a.whole); err != nil {
		a.close()
		return nil, cut(ctx, err)
	}
	return a, nil
}

// broken tells a server that could not be reached, which may be elsewhere by now, from one that broke off the call.
func (g *Gateway) broken(ctx context.Context, c *call, v *registry.Version, err error) error {
	if !fault.Is(err, fault.Unavailable) {
		return err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		g.registry.Missing(ctx, c.who, c.target, v)
		return err
	}
	return fault.New(fault.Upstream, "The model server failed during the call.", fault.Cause(err))
}

// cut classifies an answer that ended early.
func cut(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*fault.Error)): // there is no memory for it, or its reader is too slow
		return err
	}
	return fault.New(fault.Upstream, "The model server broke off its answer.", fault.Cause(err))
}

// ended returns the error of a call. If its time has passed, that is RateLimited for a call in the queue, whether it waits for a run of its own or for
// one that it shares; Unavailable if the model server still starts; and Timeout for any other call, as for one that is at the model server.
func (c *call) ended(err error, r *report) error {
	switch {
	case err == nil || !fault.Is(err, fault.Timeout):
		return err
	case r.stage == queued:
		return fault.New(fault.RateLimited, fmt.Sprintf(
			"The model is busy: none of its slots (MAAS_INFER_CONCURRENCY) was free within %s. Try again later.", c.timeout),
			fault.RetryAfter(busyRetry), fault.Cause(err))
	case r.version != nil && r.version.Status == api.DeploymentIdle:
		return starting(c.target.Model, r.version)
	}
	return fault.New(fault.Timeout, fmt.Sprintf("The model did not answer within %s.", c.timeout), fault.Cause(err))
}
