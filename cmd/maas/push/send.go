package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/client"
)

// send sends the chunks that are missing, Parallel at a time, and fills in the digests of all. A chunk is read twice, once for its
// digest and once for the way: nothing of it is kept in memory.
func (p *Pusher) send(ctx context.Context, f file, u api.Upload, digests []ref.Digest) error {
	layout := api.Layout{Size: u.Size, Chunk: u.Chunk, First: u.First, Count: u.Count}
	missing := map[int]bool{}
	for _, span := range u.Missing {
		for n := span[0]; n <= span[1]; n++ {
			missing[n] = true
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(p.Parallel, 1))
	for n := range u.Count {
		if !missing[n] && !digests[n].IsZero() || ctx.Err() != nil {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err() // another has failed: nothing more is read
			}
			part := part{f, layout.Offset(n), layout.SizeOf(n)}
			sum, err := part.digest()
			if err != nil {
				return err
			}
			digests[n] = sum
			if !missing[n] || ctx.Err() != nil {
				return ctx.Err()
			}
			return p.chunk(ctx, u, n, part, sum)
		})
	}
	return group.Wait()
}

// part is the bytes of a chunk.
type part struct {
	file

	at, size int64
}

func (p part) digest() (ref.Digest, error) { return p.digestOf(p.at, p.size) }

func (p part) reader() io.Reader { return p.read(p.at, p.size) }

// damaged bounds how often a chunk that arrived with other bytes is sent again.
const damaged = 3

func (p *Pusher) chunk(ctx context.Context, u api.Upload, n int, part part, sum ref.Digest) error {
	for try := 1; ; try++ {
		err := p.put(ctx, u, n, part, sum)
		if !fault.Is(err, fault.Unprocessable) || errors.Is(err, errChanged) || try == damaged {
			return err
		}
		again, err := part.digest()
		if err == nil && again != sum {
			err = part.faultOf("was written to while it was pushed")
		}
		if err != nil {
			return err
		}
	}
}

func (p *Pusher) put(ctx context.Context, u api.Upload, n int, part part, sum ref.Digest) error {
	var bodies []*counter
	err := p.Client.Do(ctx, client.Request{
		Method: http.MethodPut, Path: fmt.Sprintf("%s/chunks/%d", u.Address(), n), Length: part.size,
		Header: map[string]string{"Content-Digest": "sha-256=:" + sum.Base64() + ":"},
		Body: func() io.Reader {
			for _, body := range bodies {
				body.undo()
			}
			body := &counter{Reader: part.reader(), sent: p.Progress.Sent}
			bodies = append(bodies, body)
			return body
		},
	}, nil)
	for i, body := range bodies {
		if err == nil && i == len(bodies)-1 {
			body.settle(part.size)
			break
		}
		body.undo()
	}
	return err
}
