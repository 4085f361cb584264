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
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
)

// protocol reads a call, which it has with it, and writes its answer. It is REST or gRPC; all between the two is the same for both.
type protocol interface {
	// target reads the call's target. known is false where only the whole body says it.
	target(ctx context.Context) (known bool, err error)
	// body reads the rest of the request into the call, and its target where that was not known.
	body(ctx context.Context) error
	// describe tells the client what the report says, whether or not there is an answer.
	describe(r *report)
	// respond writes the answer and closes it. It counts the call, before the client has the whole answer where it can.
	respond(ctx context.Context, a *answer, r *report) error
}

// serve handles a call from its first byte to the last of its answer, within the call's timeout: steps 1, 2 and 7. answer does those in between.
func (g *Gateway) serve(ctx context.Context, c *call, p protocol) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	// 1. Locate: find the version before its body takes any memory.
	known, err := p.target(ctx)
	if err == nil && known {
		err = g.locate(ctx, c)
	}
	if err != nil {
		return err
	}

	// 2. Admit: read the body into the caller's share of the memory.
	if err := p.body(ctx); err != nil {
		return err
	}

	r := &report{began: time.Now()}
	a, err := g.answer(ctx, c, r)
	p.describe(r)
	if err != nil {
		err = c.ended(err, r)
		g.count(ctx, c, r, 0, err)
		return err
	}

	// 7. Respond, and count the call.
	return p.respond(ctx, a, r)
}

// answer returns the answer to a call whose body has been read: steps 3 and 4. It fills in the report, also if it fails.
func (g *Gateway) answer(ctx context.Context, c *call, r *report) (*answer, error) {
	if c.version == nil || time.Since(c.located) > locatedFor {
		if err := g.locate(ctx, c); err != nil {
			return nil, err
		}
	}
	r.version, r.cache = c.version, cacheBypass

	// 3. Cache: a deterministic version's answer may be there from an earlier call that asked the same.
	var n names
	if g.results.covers(c, r.version) {
		var a *answer
		var err error
		if n, a, err = g.results.recall(ctx, c, r.version); err != nil {
			return nil, err
		}
		if a != nil {
			r.cache = cacheHit
			return a, nil
		}
	}

	// 4. Start: wait until the version runs. Each call waits by itself, since a run that is shared has the time of all who wait for it.
	version, err := g.awaitStart(ctx, c, r)
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context, r *report) (*answer, error) { return g.run(ctx, c, version, r) }
	return g.withStartLimit(ctx, c, r, func(ctx context.Context) (*answer, error) {
		if n.meant == "" {
			return run(ctx, r)
		}
		return g.results.share(ctx, c, n, r, run)
	})
}

// run calls the model server: steps 5 and 6. It returns when the server has answered: with the whole answer, or with the header of a long one. It fails
// as slots.acquire, read, broken and refused do.
func (g *Gateway) run(ctx context.Context, c *call, v *resolver.Version, r *report) (*answer, error) {
	// 5. Queue: wait for a slot at the model server.
	queuedAt := time.Now()
	r.stage = queued
	at, err := g.slots.acquire(ctx, v.ID, c.holder)
	if err != nil {
		r.queue = time.Since(queuedAt)
		return nil, err
	}
	r.granted(queuedAt)

	// 6. Call: the slot is given back when the model server has answered.
	began, cold := time.Now(), r.cold
	defer func() { r.compute = max(0, time.Since(began)-(r.cold-cold)) }() // an activator's wait is none of the model's
	ctx, cancel := context.WithCancel(ctx)
	response, err := g.servers.Forward(ctx, endpointOf(c.target.Model, v), c.body, c.header)
	if err == nil {
		r.started(response.Header, time.Since(began))
		if response.StatusCode == http.StatusOK {
			return g.read(ctx, c, response, cancel, at)
		}
	}
	defer at.release()
	defer cancel()
	if err != nil {
		return nil, g.broken(ctx, c, v, err)
	}
	return nil, g.refused(ctx, c, v, response)
}

const (
	// locatedFor is for how long a version is used that was located before the body was read.
	locatedFor = time.Second
	// wholeAnswer is the longest answer that is read before it is passed on, so that a server's failure within it can still be told as such.
	wholeAnswer = 1 << 20
	// longestRefusal bounds what is read of an error's body.
	longestRefusal = 64 << 10
	// ownRuntime knows the versions' names; other servers have their own, of which there is one.
	ownRuntime = "maas-onnx"
)

// endpointOf returns how to address a version at its model server. Only maas-onnx is told the version.
func endpointOf(m ref.Model, v *resolver.Version) openinference.Endpoint {
	e := openinference.Endpoint{Server: v.Endpoint, Model: m.String()}
	if v.Runtime == ownRuntime {
		e.Version = v.Version.String()
	}
	return e
}

// read returns the answer of a model server: a short one is read whole, and a long one, or one of unknown length, as a relay. It takes over the
// slot and cancel, and releases them when the model server has answered. It fails as cut does.
//
// For a call that needs its answer whole there is no relay, since that would hold the same bytes twice.
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

// refused returns the fault that a model server's answer with another status than 200 stands for. If the answer comes from an ingress that knows no
// such server, it is Unavailable, and the resolver forgets the version's endpoint.
func (g *Gateway) refused(ctx context.Context, c *call, v *resolver.Version, response *http.Response) error {
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longestRefusal))
	switch {
	case err != nil:
		return cut(ctx, err)
	case response.StatusCode == http.StatusNotFound && !json.Valid(text): // an ingress's that knows no such server: the protocol's errors are JSON
		g.resolver.Missing(ctx, c.who, c.target, v)
		return fault.New(fault.Unavailable, "the model server cannot be reached")
	default:
		return openinference.Refusal(response.StatusCode, text)
	}
}

// broken returns the fault of a call that failed in transit. If the server could not be reached, it also has the
// resolver forget the version's endpoint. Errors other than Unavailable stay as they are.
func (g *Gateway) broken(ctx context.Context, c *call, v *resolver.Version, err error) error {
	if !fault.Is(err, fault.Unavailable) {
		return err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		g.resolver.Missing(ctx, c.who, c.target, v)
		return err
	}
	return fault.New(fault.Upstream, "The model server failed during the call.", fault.Cause(err))
}

// cut returns the error of an answer that ended early: ctx's own if ctx has ended, a fault as it is, otherwise Upstream.
func cut(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*fault.Error)): // there is no memory for it, or its reader is too slow
		return err
	}
	return fault.New(fault.Upstream, "The model server broke off its answer.", fault.Cause(err))
}

// ended returns the error of a call that failed with err. A Timeout becomes RateLimited if the call was still in the queue, Unavailable if the model
// server was starting, and otherwise a Timeout that names the call's own timeout. Any other error, and nil, it returns as it is.
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
