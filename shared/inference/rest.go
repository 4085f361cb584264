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

// Infer answers POST /v2/models/{t}/{m}[/versions/{ref}]/infer. It returns the call's error, also if the answer breaks off after a part of it was
// written.
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

// target implements protocol. The path has already said what is called.
func (p *restCall) target(context.Context) (known bool, err error) { return true, nil }

// body implements protocol. It fails with Invalid for an empty body or a header length beyond it, and with TooLarge for too long a body.
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

// describe implements protocol.
func (p *restCall) describe(r *report) { r.setHeader(p.w.Header()) }

// prepare fills in the call from the headers, or gRPC's metadata, and begins its loan, which the caller ends. It fails with Invalid, and begins no
// loan, if the timeout is malformed or too long.
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

// headerOf returns the value of openinference.HeaderLength for a length, "" for 0.
func headerOf(length int) string {
	if length == 0 {
		return ""
	}
	return strconv.Itoa(length)
}

// targetOf parses the model and the selector in the request's path. It fails with Invalid if either is malformed.
func targetOf(r *http.Request) (t ref.Target, err error) {
	if t.Model, err = ref.ParseModel(r.PathValue("t") + "/" + r.PathValue("m")); err != nil {
		return t, err
	}
	t.Selector, err = ref.ParseSelector(r.PathValue("ref"))
	return t, err
}

// defaultTimeout is that of a call which asks for none.
const defaultTimeout = time.Minute

// timeoutOf parses a timeout in milliseconds; "" is the default, a minute. It fails with Invalid if it is malformed or above the configured
// maximum.
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

// waitOf returns the N seconds of "Prefer: wait=N" (RFC 7240, 4.3), 0 if there is none. It ignores what it does not understand, as section 2 there
// says.
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

// readBody reads and decompresses the request's body, and charges its content to the call's loan. It fails with TooLarge if the content exceeds
// MAAS_INFER_MAX_BODY, with Invalid if it is empty, and with ctx's error if ctx ends first.
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

// decompress returns a reader of a body's decompressed content. It expands in the call's decoding slot; whoever has read it calls c.work.End. It
// fails if the coding is unknown. For "" and identity it returns the body itself.
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

// Read implements io.Reader. It fails with ctx's error once the deadline has passed.
func (t inTime) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		return 0, err
	}
	return t.Reader.Read(p)
}

// lateAgain is when a body's deadline that has passed is set once more.
const lateAgain = 100 * time.Millisecond

// readInTime is like loan.read, but fails with context.DeadlineExceeded at ctx's deadline, also while a Read waits for the client, and with
// TooLarge beyond limit bytes. To end such a Read it sets w's read deadline, again and again, since a minimum rate for bodies may set another.
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

// tooLarge returns the TooLarge fault of a request with more than limit bytes.
func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("A request has at most %d bytes, without its compression.", limit))
}

// respond implements protocol. It writes the answer with the call's model and request id, closes it, and counts the call.
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

// sendWhole counts the call and then writes the whole answer, so that each client with an answer has been counted. It fails if there is no memory
// for a large cached answer, and ignores errors of writing.
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
