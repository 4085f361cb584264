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

// newRelay returns a relay of an answer's body, and begins to read it in the background. It releases the slot when the model server has answered,
// or the relay is closed.
func (g *Gateway) newRelay(c *call, from io.ReadCloser, cancel context.CancelFunc, at *slot) *relay {
	r := &relay{from: from, at: at, unread: g.config.Unread, cut: g.metrics.unread, cancel: cancel, ended: make(chan struct{})}
	r.changed.L = &r.mu
	r.held.lend(g.memory, c.holder)
	go r.fill() // ends with the model server's answer, or when the relay is closed
	return r
}

// fill reads the model server's answer to its end, or until the relay is closed. It then releases the slot.
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

// put adds what was read to the chunks, for which it waits if there is no memory, and then records err. It reports false once the relay is closed.
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

// room adds an empty chunk if there is memory for it or no other chunk. Otherwise it waits for the reader. The caller holds the lock.
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

// await waits until the reader has taken a chunk. If it takes longer than the unread limit, and other credentials wait for the slot, await closes
// the relay with a Timeout. The caller holds the lock.
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

// Close closes the body, ends the request to the model server, and releases the slot. It must be called once only.
func (d *direct) Close() error {
	err := d.ReadCloser.Close()
	d.cancel()
	d.at.release()
	return err
}

// Read implements io.Reader. It waits for bytes, and after the last fails with the error of the model server's answer, io.EOF at its end.
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

// get copies bytes from the first chunk into p and returns their number. It drops a chunk that has been read, and returns its memory. The caller
// holds the lock.
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

// Close ends the answer, also before its end, and waits until nothing more is read from the model server. It releases the memory and the slot.
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
