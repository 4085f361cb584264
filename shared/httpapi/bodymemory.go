package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// bodyMemory bounds the JSON bodies of all requests of the process, in bytes, from the time on at which they are read until their requests are answered.
type bodyMemory struct {
	Most int64 `env:"MAAS_BODY_MEMORY" envDefault:"67108864"`
}

// check fails if MAAS_BODY_MEMORY is too small for one caller's body of maxBody bytes.
func (b bodyMemory) check() error {
	if b.Most < share.Lone*maxBody {
		return fmt.Errorf("MAAS_BODY_MEMORY must be %d or more; it is %d", share.Lone*maxBody, b.Most)
	}
	return nil
}

// open returns the process's pool of memory for bodies; the first call creates it and registers its metrics.
func (b bodyMemory) open(e *env.Env) (*share.Pool, error) {
	return env.Once(e, "httpapi.bodies", func(context.Context) (*share.Pool, func(context.Context) error, error) {
		p := share.NewPool(share.Limit{Most: b.Most, Noun: "bytes of memory for bodies", Setting: "MAAS_BODY_MEMORY"})
		return p, nil, telemetry.RegisterShare(e, "bodies", p.Stats)
	})
}

// lendBody takes memory for the request's body from the pool: as much as its Content-Length says, and maxBody at most or if that is not known.
// The caller ends the loan. It fails as share.Loan's Take does.
func (m *Mux) lendBody(r *http.Request) (share.Loan, error) {
	if r.ContentLength == 0 {
		return share.Loan{}, nil
	}
	loan := m.bodies.Loan(share.Of(r.Context()))
	length := r.ContentLength
	if length < 0 || length > maxBody {
		length = maxBody
	}
	err := loan.Take(length)
	return loan, err
}
