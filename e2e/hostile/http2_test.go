//go:build !cluster && linux

package hostile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// floodMemory bounds what a flood of frames may make the process grow by.
	floodMemory = 64 * mib
	// flooders are the connections that a flood comes over at once.
	flooders = 4

	// What becomes of a connection after a flood, where it is not ended with an error code of HTTP/2.
	stays, closed = "stays open", "is closed"
)

// frames is a client of HTTP/2 that writes what frames it wants.
type frames struct {
	*http2.Framer

	buffer  *bufio.Writer
	block   bytes.Buffer // of the headers that were encoded last
	encoder *hpack.Encoder
	token   string
}

// headers encodes a request for the list of models, and returns the block of its headers.
func (f *frames) headers(more ...hpack.HeaderField) []byte {
	f.block.Reset()
	for _, field := range append([]hpack.HeaderField{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "x"}, {Name: ":path", Value: "/v1/models"},
		{Name: "authorization", Value: "Bearer " + f.token},
	}, more...) {
		_ = f.encoder.WriteField(field) // a bytes.Buffer takes all
	}
	return f.block.Bytes()
}

// open sends a request.
func (f *frames) open(stream uint32) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.headers(), EndStream: true, EndHeaders: true})
}

// frameFlood is a flood of frames over one connection.
type frameFlood struct {
	send  func(f *frames) error
	mute  bool     // whether the client reads nothing until it has sent all
	after []string // what may become of the connection
}

// repeat sends something so many times, numbered from 0.
func repeat(times int, send func(f *frames, n uint32) error) func(*frames) error {
	return func(f *frames) error {
		for n := range times {
			if err := send(f, uint32(n)); err != nil {
				return err
			}
		}
		return nil
	}
}

// client returns the number of the n-th stream that a client opens.
func client(n uint32) uint32 { return 2*n + 1 }

var frameFloods = map[string]frameFlood{
	"requests that are reset at once": {after: []string{stays, http2.ErrCodeEnhanceYourCalm.String()}, send: repeat(2000, func(f *frames, n uint32) error {
		return errors.Join(f.open(client(n)), f.WriteRSTStream(client(n), http2.ErrCodeCancel))
	})},
	"requests that the server must reset": {after: []string{stays, http2.ErrCodeEnhanceYourCalm.String()}, send: repeat(2000, func(f *frames, n uint32) error {
		return errors.Join(f.open(client(n)), f.WriteRawFrame(http2.FrameWindowUpdate, 0, client(n), make([]byte, 4)))
	})},
	"headers without end": {after: []string{http2.ErrCodeProtocol.String()}, send: repeat(250, func(f *frames, n uint32) error {
		if n == 0 {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.headers(), EndStream: true})
		}
		f.block.Reset()
		_ = f.encoder.WriteField(hpack.HeaderField{Name: "x-filler", Value: strings.Repeat("~", 10<<10), Sensitive: true})
		return f.WriteContinuation(1, false, f.block.Bytes()[:min(f.block.Len(), 16<<10)])
	})},
	"empty continuations": {after: []string{stays}, send: func(f *frames) error {
		err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.headers(), EndStream: true})
		more := repeat(10_000, func(f *frames, _ uint32) error { return f.WriteContinuation(1, false, nil) })
		return errors.Join(err, more(f), f.WriteContinuation(1, true, nil))
	}},
	"small headers that expand": {after: []string{stays}, send: repeat(5, func(f *frames, n uint32) error {
		filler := hpack.HeaderField{Name: "x-filler", Value: strings.Repeat("x", 3<<10)}
		f.headers(slices.Repeat([]hpack.HeaderField{filler}, 10_000)...) // a byte each, once the table has it
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: client(n), BlockFragment: f.block.Bytes(), EndStream: true, EndHeaders: true})
	})},
	"pings": {after: []string{stays}, send: repeat(10_000, func(f *frames, _ uint32) error { return f.WritePing(false, [8]byte{}) })},
	"pings whose answers are not read": {
		after: []string{closed}, mute: true, send: repeat(100_000, func(f *frames, _ uint32) error { return f.WritePing(false, [8]byte{}) }),
	},
	"settings": {after: []string{stays}, send: repeat(10_000, func(f *frames, _ uint32) error { return f.WriteSettings() })},
	"long settings": {after: []string{http2.ErrCodeProtocol.String()}, send: repeat(100, func(f *frames, _ uint32) error {
		return f.WriteSettings(manySettings()...)
	})},
	"window updates": {after: []string{stays}, send: repeat(10_000, func(f *frames, _ uint32) error { return f.WriteWindowUpdate(0, 1) })},
	"window updates beyond the largest window": {after: []string{http2.ErrCodeFlowControl.String()}, send: repeat(5000, func(f *frames, _ uint32) error {
		return f.WriteWindowUpdate(0, 1<<31-1)
	})},
}

// manySettings are more than a frame may have, of which the server knows none.
func manySettings() (all []http2.Setting) {
	for n := range 1000 {
		all = append(all, http2.Setting{ID: http2.SettingID(1000 + n)})
	}
	return all
}

// TestFloodsOfHTTP2FramesHarmNobody floods the server with the frames of each known attack, over connections of HTTP/2 without TLS.
func TestFloodsOfHTTP2FramesHarmNobody(t *testing.T) { //nolint:paralleltest // the attacks take turns
	innocent := getting(the.Register(t).Site(), "/v1/models")
	site := the.Register(t).Site()
	for name, flood := range frameFloods {
		t.Run(name, func(t *testing.T) {
			withinMemory(t, &the, floodMemory, func() {
				unharmed(t, innocent, func(ctx context.Context) {
					var all sync.WaitGroup
					for range flooders {
						all.Go(func() {
							after, err := flood.run(ctx, site)
							if !slices.Contains(flood.after, after) {
								t.Errorf("the connection %s (%v), want one of %q", after, err, flood.after)
							}
						})
					}
					all.Wait()
				})
			})
		})
	}
}

// run floods a connection of its own, and returns what becomes of it.
func (flood frameFlood) run(ctx context.Context, site e2etest.Site) (after string, err error) {
	dialer := net.Dialer{}
	if flood.mute {
		dialer.Control = withSmallSegments
	}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(site.URL, "http://"))
	if err != nil {
		return "is not opened", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(longestAttack))
	f := &frames{buffer: bufio.NewWriterSize(conn, 64<<10), token: site.Token}
	f.Framer, f.encoder = http2.NewFramer(f.buffer, conn), hpack.NewEncoder(&f.block)
	_, _ = f.buffer.WriteString(http2.ClientPreface)
	_ = f.WriteSettings() // failures show in the flood, as the buffer keeps them
	ended := make(chan string, 1)
	read := func() { ended <- f.fate() }
	if !flood.mute {
		go read() // ends with the connection
	}
	last := [8]byte{'l', 'a', 's', 't'}
	err = errors.Join(flood.send(f), f.WritePing(false, last), f.buffer.Flush())
	if flood.mute {
		read()
	}
	return <-ended, err
}

// withSmallSegments has the kernels of both sides keep some kilobytes for a connection: over loopback they keep megabytes.
func withSmallSegments(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536),
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10),
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10))
	})
	return errors.Join(err, set)
}

// fate reads until the answer to the last ping or the end of the connection.
func (f *frames) fate() string {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				return "does not answer"
			}
			return closed
		}
		switch frame := frame.(type) {
		case *http2.GoAwayFrame:
			return frame.ErrCode.String()
		case *http2.PingFrame:
			if frame.IsAck() && frame.Data[0] != 0 {
				return stays
			}
		}
	}
}
