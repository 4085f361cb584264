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

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/ref"
)

// Infer answers POST /v2/models/{t}/{m}[/versions/{ref}]/infer.
func (g *Gateway) Infer(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	c, err := g.callOf(r, who)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), c.timeout)
	defer cancel()
	held := loan{of: g.memory}
	defer held.end()
	if c.body, err = g.readBody(ctx, w, r, &held); err != nil {
		return err
	}
	if c.header != "" {
		if _, err := openinference.ParseHeaderLength(c.header, len(c.body)); err != nil {
			return err
		}
	}
	a, done, err := g.run(ctx, c)
	done.setHeader(w.Header())
	if err != nil {
		g.count(ctx, c, done, 0, err)
		return err
	}
	mine := a.named(c, done)
	return g.send(ctx, w, c, &mine, done)
}

// callOf reads what a request says beside its body.
func (g *Gateway) callOf(r *http.Request, who auth.Principal) (*call, error) {
	target, err := targetOf(r)
	if err != nil {
		return nil, err
	}
	c, err := g.newCall(r.Header, who, target)
	if err != nil {
		return nil, err
	}
	c.header, c.contentType = r.Header.Get(openinference.HeaderLength), r.Header.Get("Content-Type")
	return c, nil
}

// newCall reads what headers, or gRPC's metadata, say of a call.
func (g *Gateway) newCall(h http.Header, who auth.Principal, target ref.Target) (*call, error) {
	timeout, err := g.timeoutOf(h.Get(openinference.TimeoutHeader))
	if err != nil {
		return nil, err
	}
	control := strings.ToLower(strings.Join(h["Cache-Control"], ","))
	return &call{
		who: who, actor: who.Actor(), target: target, timeout: timeout, wait: waitOf(h["Prefer"]), session: h.Get("X-Session"),
		noCache: strings.Contains(control, "no-cache"), noStore: strings.Contains(control, "no-store"),
	}, nil
}

// headerOf is a length as openinference.HeaderLength says it; 0 is none.
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
	for _, line := range prefer {
		for preference := range strings.SplitSeq(line, ",") {
			value, ok := strings.CutPrefix(strings.TrimSpace(preference), "wait=")
			if seconds, err := strconv.ParseUint(value, 10, 16); ok && err == nil && seconds > 0 {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}

// trustedLength is the longest body whose memory is taken at once because its length was announced; a longer one grows as it arrives.
const trustedLength = 1 << 20

// readBody reads the request's body, in the call's time, and decompresses it. What is bounded, and taken out of the memory of all calls, is its content.
func (g *Gateway) readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, held *loan) ([]byte, error) {
	if r.ContentLength > g.config.MaxBody {
		return nil, tooLarge(g.config.MaxBody)
	}
	coding, length := strings.Join(r.Header["Content-Encoding"], ","), r.ContentLength
	content, err := openinference.Decompress(coding, r.Body)
	if err != nil {
		return nil, err
	}
	if coding != "" {
		length = -1 // the content's is not known
	}
	end, _ := ctx.Deadline()
	over := make(chan struct{})
	late := time.AfterFunc(time.Until(end), func() {
		defer close(over)
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !late.Stop() {
			<-over // w is not used any more once its handler has returned
		}
	}()
	body, err := readAll(held.reader(content), length, g.config.MaxBody)
	switch {
	case err != nil && !time.Now().Before(end):
		return nil, context.DeadlineExceeded
	case errors.Is(err, io.ErrShortBuffer):
		return nil, tooLarge(g.config.MaxBody)
	case err == nil && len(body) == 0:
		return nil, fault.New(fault.Invalid, "The request has no body: it holds the inputs.")
	default:
		return body, err
	}
}

// readAll reads at most limit bytes; if there are more it fails with io.ErrShortBuffer.
func readAll(from io.Reader, announced, limit int64) ([]byte, error) {
	if announced >= 0 && announced <= trustedLength {
		body := make([]byte, announced)
		_, err := io.ReadFull(from, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(body)) > limit {
		return nil, io.ErrShortBuffer
	}
	return body, err
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("A request has at most %d bytes, without its compression.", limit))
}

// send writes the answer, and counts the call: before the last byte where the answer is whole, since who has an answer was counted.
func (g *Gateway) send(ctx context.Context, w http.ResponseWriter, c *call, a *answer, done *report) error {
	h := w.Header()
	h["Content-Type"] = []string{a.contentType}
	if a.header != "" {
		h[openinference.HeaderLength] = []string{a.header}
	}
	if a.rest == nil {
		size := len(a.head) + len(a.whole)
		g.count(ctx, c, done, int64(size), nil)
		h["Content-Length"] = []string{strconv.Itoa(size)}
		_, _ = w.Write(a.head) // a client that is gone needs no answer
		_, _ = w.Write(a.whole)
		return nil
	}
	defer a.rest.Close()
	n, err := io.Copy(w, a.rest)
	if err != nil {
		err = cut(ctx, err)
	}
	g.count(ctx, c, done, n, err)
	return err
}
