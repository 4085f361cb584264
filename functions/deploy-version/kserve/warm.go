package kserve

import (
	"context"
	"net/http"
	"time"
)

// warmer calls versions so that they do not go idle. Knative keeps a pod for a version that was called within its window (60 s by default, and
// 30 s of grace), and sweep has each version that is to be kept warm looked at each minute. A bound on its replicas would do it as well, but
// by a new revision: with pods of its own, which fetch and load the model once more.
type warmer struct{ client *http.Client }

// warmTime is how long a call is waited for: one that starts a pod goes on without us.
const warmTime = 2 * time.Second

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
