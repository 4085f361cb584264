package kserve

import (
	"context"
	"net/http"
	"time"
)

// warmer calls versions so that they do not go idle. Knative takes the last pod away once nobody has called for its window, 60 s by default.
// sweep has each version that is to be kept warm looked at each minute, and half a minute later it is called once more. A bound on its replicas
// would do as well, but by a new revision: with pods of its own, which fetch and load the model once more.
type warmer struct {
	client *http.Client
	later  func(work func(ctx context.Context)) // runs work beside the caller, until the process ends at most
}

const (
	warmAgain = 30 * time.Second
	warmTime  = 2 * time.Second // for a call: one that starts a pod goes on without us
)

// keep calls a version now and once later.
func (w warmer) keep(ctx context.Context, endpoint string) {
	w.call(ctx, endpoint)
	w.later(func(ctx context.Context) {
		select {
		case <-time.After(warmAgain):
			w.call(ctx, endpoint)
		case <-ctx.Done():
		}
	})
}

// call is answered or not: what comes of it is seen by the next look.
func (w warmer) call(ctx context.Context, endpoint string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/v2/health/ready", http.NoBody)
	if err != nil {
		return
	}
	if answer, err := w.client.Do(request); err == nil {
		_ = answer.Body.Close()
	}
}
