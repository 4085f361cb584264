// Package decoding bounds how many large bodies a process expands, decodes and encodes at once.
//
// Such work is one burst of CPU of up to a second. Go gives each goroutine a core for 10 ms at a time, so where as many bodies are decoded as callers
// send, each small request waits for 10 ms of all of them at each of its steps. With a slot for half of the cores the others stay free for it. Callers
// share the slots by the rule of package share. Small bodies never wait.
package decoding

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Small is the length of the longest body that is decoded or encoded without a slot, in bytes without compression: that takes less than a millisecond.
const Small = 64 << 10

type config struct {
	Slots int   `env:"MAAS_DECODES" envDefault:"0"`         // 0: half of the cores, 1 at least
	Queue int64 `env:"MAAS_DECODE_QUEUE" envDefault:"4096"` // requests that wait for a slot
}

// Slots is a process's pool of slots. It is safe for concurrent use.
type Slots struct{ slots *share.Slots }

// Open returns the process's slots, which the first call makes from the environment variables. It fails if those are out of range.
func Open(e *env.Env) (*Slots, error) {
	return env.Once(e, "decoding", func(context.Context) (*Slots, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		if c.Slots < 0 || c.Queue < share.Lone {
			return nil, nil, fmt.Errorf("MAAS_DECODES is %d and MAAS_DECODE_QUEUE %d; they are at least 0 and %d", c.Slots, c.Queue, share.Lone)
		}
		if c.Slots == 0 {
			c.Slots = max(1, runtime.GOMAXPROCS(0)/2)
		}
		queue := share.NewPool(share.Limit{
			Most: c.Queue, Noun: "places for large bodies that wait to be decoded", Setting: "MAAS_DECODE_QUEUE",
		})
		return &Slots{share.NewSlots(c.Slots, queue)}, nil, telemetry.RegisterShare(e, "decode_queue", queue.Stats)
	})
}

// Work is what one request decodes and encodes, a step at a time. It holds one slot at most, from Begin to End, and must not hold it while it waits for
// the network. It is not safe for concurrent use.
type Work struct {
	slots  *Slots
	holder share.Holder
	slot   share.Slot
	begun  bool
}

// Work returns the work of a request, charged to the holder, without a slot.
func (s *Slots) Work(h share.Holder) Work { return Work{slots: s, holder: h} }

// Begin waits for a slot. It does nothing if the work has one, or if what follows concerns at most Small bytes. It fails with RateLimited if the
// queue has no place for the holder, and with ctx's error if ctx ends first.
func (w *Work) Begin(ctx context.Context, bytes int64) error {
	if w.begun || bytes <= Small {
		return nil
	}
	slot, err := w.slots.slots.Acquire(ctx, w.holder)
	w.slot, w.begun = slot, err == nil
	return err
}

// End releases the slot. Without a slot it does nothing.
func (w *Work) End() {
	w.slot.Release()
	w.begun = false
}

// Source returns a reader of a compressed body, for the decoder that Content reads. Its Read releases the slot while it waits for the body, and fails as
// the body's Read and as Begin do.
func (w *Work) Source(ctx context.Context, body io.Reader) io.Reader {
	return bufio.NewReaderSize(&source{ctx, w, body}, sourceBuffer)
}

// Content returns a reader of a decoder's output, which acquires slots beyond the first Small bytes. Its Read fails as Begin does. After the last
// Read the caller calls End.
//
// After each 256 KiB it passes the slot to the next waiter, so that a body that expands little does not wait for the whole of one that expands
// much.
func (w *Work) Content(ctx context.Context, decoder io.Reader) io.Reader {
	return &content{ctx: ctx, work: w, from: decoder}
}

// quantum is how many bytes a reader of Content expands in one slot: about a millisecond of work.
const quantum = 256 << 10

// sourceBuffer is how much of a compressed body is read at a time.
const sourceBuffer = 16 << 10

type source struct {
	ctx  context.Context //nolint:containedctx // it is one request's
	work *Work
	from io.Reader
}

// Read implements io.Reader. If the work has a slot, it releases that while it reads, and acquires one again afterwards. If it gets none it returns what
// it has read with the error of Work.Begin, in place of the body's.
func (s *source) Read(p []byte) (int, error) {
	if !s.work.begun {
		return s.from.Read(p)
	}
	s.work.End()
	n, err := s.from.Read(p)
	if err := s.work.Begin(s.ctx, quantum); err != nil {
		return n, err
	}
	return n, err
}

type content struct {
	ctx        context.Context //nolint:containedctx // it is one request's
	work       *Work
	from       io.Reader
	all, inOne int // bytes that were read: in all, and since the slot was acquired
}

// Read implements io.Reader. It fails as Work.Begin does.
func (c *content) Read(p []byte) (int, error) {
	if c.inOne >= quantum {
		c.work.End()
		c.inOne = 0
	}
	if c.all >= Small {
		if err := c.work.Begin(c.ctx, quantum); err != nil {
			return 0, err
		}
	}
	n, err := c.from.Read(p)
	c.all += n
	c.inOne += n
	return n, err
}
