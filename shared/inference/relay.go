package inference

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
)

const (
	// relayChunk is how much memory a relay takes at a time.
	relayChunk = 64 << 10
	// relayRead is how much it reads at a time.
	relayRead = 32 << 10
)

// relay is the body of a long answer. It reads on from the model server while its own reader waits for the client, into memory that the caller pays for, so
// that the model's slot is free as soon as the model server has answered. Where the caller's share ends, it reads as fast as the client does, and ends the
// answer if the client takes less than a chunk in the time of unread while other credentials wait for the slot.
//
// One chunk is not paid for, or a caller without memory left would get nothing.
type relay struct {
	from   io.ReadCloser
	at     *slot
	unread time.Duration
	cut    prometheus.Counter // of answers that unread has ended
	held   loan
	cancel context.CancelFunc // of the request to the model server
	ended  chan struct{}      // closed when nothing more is read from there

	mu      sync.Mutex
	changed sync.Cond
	chunks  [][]byte
	paid    int // of the chunks
	err     error
	closed  bool
}

// newRelay begins to read. It gives the slot back when the model server has answered, or the relay is closed.
func (g *Gateway) newRelay(c *call, from io.ReadCloser, cancel context.CancelFunc, at *slot) *relay {
	r := &relay{from: from, at: at, unread: g.config.Unread, cut: g.metrics.unread, cancel: cancel, ended: make(chan struct{})}
	r.changed.L = &r.mu
	r.held.lend(g.memory, c.holder)
	go r.fill() // ends with the model server's answer, or when the relay is closed
	return r
}

func (r *relay) fill() {
	defer close(r.ended)
	defer r.at.release()
	defer r.cancel()
	defer func() { _ = r.from.Close() }() // only read from
	buffer := make([]byte, relayRead)
	for {
		n, err := r.from.Read(buffer)
		if !r.put(buffer[:n], err) || err != nil {
			return
		}
	}
}

// put adds what was read, when there is memory for it. It reports whether anybody wants more.
func (r *relay) put(content []byte, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.changed.Broadcast()
	for len(content) > 0 && !r.closed {
		last := len(r.chunks) - 1
		if last >= 0 && len(r.chunks[last]) < cap(r.chunks[last]) {
			n := min(len(content), cap(r.chunks[last])-len(r.chunks[last]))
			r.chunks[last] = append(r.chunks[last], content[:n]...)
			content = content[n:]
			continue
		}
		r.room()
	}
	if !r.closed {
		r.err = err
	}
	return !r.closed
}

// room adds a chunk when there is memory for one, or waits for the reader.
func (r *relay) room() {
	switch {
	case r.held.try(relayChunk):
		r.paid++
	case len(r.chunks) > 0:
		r.changed.Broadcast() // the reader has something
		r.await()
		return
	}
	r.chunks = append(r.chunks, make([]byte, 0, relayChunk))
}

// await waits until the reader has taken a chunk, or ends the answer.
func (r *relay) await() {
	late := false
	timer := time.AfterFunc(r.unread, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.changed.Broadcast()
	})
	defer timer.Stop()
	for had := len(r.chunks); len(r.chunks) == had && !r.closed && !late; {
		r.changed.Wait()
	}
	if late && !r.closed && r.at.Contended() {
		r.closed = true
		r.cut.Inc()
		r.err = fault.New(fault.Timeout, fmt.Sprintf(
			"The answer is longer than your share of MAAS_INFER_MEMORY, and others waited for the model while less than %d bytes of it were read in %s "+
				"(MAAS_INFER_UNREAD).",
			relayChunk, r.unread))
	}
}

// direct is the body of a long answer that is read at once, without regard to its client.
type direct struct {
	io.ReadCloser

	cancel context.CancelFunc // of the request to the model server
	at     *slot
}

// Close ends the answer, and gives the slot back. It is called once.
func (d *direct) Close() error {
	err := d.ReadCloser.Close()
	d.cancel()
	d.at.release()
	return err
}

// Read implements io.Reader.
func (r *relay) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if len(r.chunks) > 0 && len(r.chunks[0]) > 0 {
			return r.get(p), nil
		}
		if r.err != nil {
			return 0, r.err
		}
		r.changed.Wait()
	}
}

// get returns what is at the front, and gives back the memory of a chunk that has been read.
func (r *relay) get(p []byte) int {
	n := copy(p, r.chunks[0])
	if r.chunks[0] = r.chunks[0][n:]; len(r.chunks[0]) > 0 || cap(r.chunks[0]) > 0 && r.err == nil && len(r.chunks) == 1 {
		return n
	}
	r.chunks[0] = nil
	r.chunks = r.chunks[1:]
	if r.paid > len(r.chunks) {
		r.paid--
		r.held.give(relayChunk)
	}
	r.changed.Broadcast()
	return n
}

// Close ends the answer, wherever it is.
func (r *relay) Close() error {
	r.mu.Lock()
	r.closed = true
	r.chunks = nil
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	r.cancel()
	<-r.ended
	r.held.leave()
	return nil
}
