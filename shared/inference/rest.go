package inference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/openinference"
)

// Infer answers POST /v2/models/{t}/{m}[/versions/{ref}]/infer.
func (g *Gateway) Infer(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	target, err := targetOf(r)
	if err != nil {
		return err
	}
	p := &restCall{Gateway: g, w: w, r: r}
	c := &p.call
	if err := g.prepare(c, r.Header, who); err != nil {
		return err
	}
	defer c.memory.leave()
	c.target, c.header, c.contentType = target, r.Header.Get(openinference.HeaderLength), r.Header.Get("Content-Type")
	return g.serve(r.Context(), c, p)
}

// restCall is a call over REST, whose path says what is called.
type restCall struct {
	*Gateway

	call call
	w    http.ResponseWriter
	r    *http.Request
}

// target has nothing to read: the path says what is called.
func (p *restCall) target(context.Context) (known bool, err error) { return true, nil }

func (p *restCall) body(ctx context.Context) error {
	c := &p.call
	body, err := p.readBody(ctx, p.w, p.r, c)
	if err != nil {
		return err
	}
	c.setBody([][]byte{body})
	if c.header != "" {
		_, err = openinference.ParseHeaderLength(c.header, len(body))
	}
	return err
}

func (p *restCall) describe(r *report) { r.setHeader(p.w.Header()) }

// prepare reads what headers, or gRPC's metadata, say of a call, and begins its loan, which the caller ends. It fails with Invalid, without a loan, if the
// timeout is malformed or too long.
func (g *Gateway) prepare(c *call, h http.Header, who auth.Principal) error {
	timeout, err := g.timeoutOf(h.Get(openinference.TimeoutHeader))
	if err != nil {
		return err
	}
	control := strings.ToLower(strings.Join(h["Cache-Control"], ","))
	*c = call{
		who: who, holder: who.Holder(), timeout: timeout, wait: waitOf(h["Prefer"]), session: h.Get("X-Session"),
		noCache: strings.Contains(control, "no-cache"), noStore: strings.Contains(control, "no-store"),
	}
	c.memory.lend(g.memory, c.holder)
	c.work = g.decodes.Work(c.holder)
	return nil
}

// headerOf returns a length as openinference.HeaderLength says it; 0 is none.
func headerOf(length int) string {
	if length == 0 {
		return ""
	}
	return strconv.Itoa(length)
}

// targetOf reads the model and the reference out of the path.
func targetOf(r *http.Request) (t ref.Target, err error) {
	if t.Model, err = ref.ParseModel(r.PathValue("t") + "/" + r.PathValue("m")); err != nil {
		return t, err
	}
	t.Selector, err = ref.ParseSelector(r.PathValue("ref"))
	return t, err
}

// defaultTimeout is that of a call which asks for none.
const defaultTimeout = time.Minute

func (g *Gateway) timeoutOf(ms string) (time.Duration, error) {
	if ms == "" {
		return min(defaultTimeout, g.config.MaxTimeout), nil
	}
	n, err := strconv.ParseInt(ms, 10, 64)
	if most := g.config.MaxTimeout.Milliseconds(); err != nil || n < 1 || n > most {
		return 0, fault.New(fault.Invalid, fmt.Sprintf("%s is a number of milliseconds from 1 to %d.", openinference.TimeoutHeader, most),
			fault.Field(openinference.TimeoutHeader))
	}
	return time.Duration(n) * time.Millisecond, nil
}

// waitOf reads "Prefer: wait=N", in seconds (RFC 7240, 4.3). What cannot be understood is ignored, as section 2 there says.
func waitOf(prefer []string) time.Duration {
	for _, header := range prefer {
		for preference := range strings.SplitSeq(header, ",") {
			value, ok := strings.CutPrefix(strings.TrimSpace(preference), "wait=")
			if seconds, err := strconv.ParseUint(value, 10, 16); ok && err == nil && seconds > 0 {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}

// readBody reads the request's body, in the call's time, and decompresses it. What is bounded, and charged, is its content.
func (g *Gateway) readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, c *call) ([]byte, error) {
	defer c.work.End()
	coding, length := strings.Join(r.Header["Content-Encoding"], ","), r.ContentLength
	if length > g.config.MaxBody {
		return nil, tooLarge(g.config.MaxBody)
	}
	content, err := c.decompress(ctx, coding, r.Body)
	if err != nil {
		return nil, err
	}
	if coding != "" {
		length = -1 // the content's is not known
	}
	body, err := c.memory.readInTime(ctx, w, content, length, g.config.MaxBody)
	if err == nil && len(body) == 0 {
		return nil, fault.New(fault.Invalid, "The request has no body: it holds the inputs.")
	}
	return body, err
}

// decompress returns a reader of the content of a body in the coding, which expands in the call's slot. Whoever has read it ends the call's work.
func (c *call) decompress(ctx context.Context, coding string, body io.Reader) (io.Reader, error) {
	if coding == "" {
		return body, nil
	}
	from := c.work.Source(ctx, body)
	content, err := openinference.Decompress(coding, from)
	if err != nil || content == from { // identity
		return body, err
	}
	return c.work.Content(ctx, content), nil
}

// inTime is a reader until the deadline of ctx. Why ctx was canceled, the reader says: net/http does that when it cannot read on.
type inTime struct {
	io.Reader

	ctx context.Context //nolint:containedctx // it is one call's
}

// Read implements io.Reader.
func (t inTime) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		return 0, err
	}
	return t.Reader.Read(p)
}

// lateAgain is when a body's deadline that has passed is set once more.
const lateAgain = 100 * time.Millisecond

// readInTime is read until ctx ends. A Read that waits then is ended by the request's deadline, again and again, since a body with a least rate may set
// another at the same time.
func (l *loan) readInTime(ctx context.Context, w http.ResponseWriter, from io.Reader, announced, limit int64) ([]byte, error) {
	end, _ := ctx.Deadline()
	done, over := make(chan struct{}), make(chan struct{})
	late := time.AfterFunc(time.Until(end), func() {
		defer close(over)
		again := time.NewTicker(lateAgain)
		defer again.Stop()
		for {
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
			select {
			case <-done:
				return
			case <-again.C:
			}
		}
	})
	defer func() {
		if close(done); !late.Stop() {
			<-over // w is not used any more once its handler has returned
		}
	}()
	body, err := l.read(inTime{from, ctx}, announced, limit)
	switch {
	case err != nil && !time.Now().Before(end):
		return nil, context.DeadlineExceeded
	case errors.Is(err, io.ErrShortBuffer):
		return nil, tooLarge(limit)
	default:
		return body, err
	}
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("A request has at most %d bytes, without its compression.", limit))
}

// respond gives the client an answer of its own: with its names, and the id of its request.
func (p *restCall) respond(ctx context.Context, a *answer, r *report) error {
	c := &p.call
	mine := a.named(c, r)
	defer mine.close()
	h := p.w.Header()
	h["Content-Type"] = []string{mine.contentType}
	if mine.header != "" {
		h[openinference.HeaderLength] = []string{mine.header}
	}
	if mine.rest == nil {
		return p.sendWhole(ctx, p.w, c, &mine, r)
	}
	n, err := io.Copy(p.w, mine.rest)
	if err != nil {
		err = cut(ctx, err)
	}
	p.count(ctx, c, r, n, err)
	return err
}

// smallAnswer is what the buffers of a connection take at once.
const smallAnswer = 64 << 10

// sendWhole counts the call before the client has its answer: whoever has one was counted.
func (g *Gateway) sendWhole(ctx context.Context, w http.ResponseWriter, c *call, a *answer, r *report) error {
	size := len(a.head) + len(a.whole)
	if size > smallAnswer && a.held == nil { // a kept one, which may be evicted while the client reads it
		if err := c.memory.take(int64(size)); err != nil {
			g.count(ctx, c, r, 0, err)
			return err
		}
	}
	g.count(ctx, c, r, int64(size), nil)
	w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
	_, _ = w.Write(a.head) // a client that is gone needs no answer
	_, _ = w.Write(a.whole)
	return nil
}
