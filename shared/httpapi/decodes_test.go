package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/share"
)

// TestALargeJSONBodyIsDecodedInASlot takes all slots, and asks with a short deadline.
func TestALargeJSONBodyIsDecodedInASlot(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, struct {
		Name string `json:"name"`
	}) (struct{}, error) {
		return struct{}{}, nil
	})
	var held []*decoding.Work
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		work := a.decodes.Work(share.Holder{Tenant: "another"})
		if work.Begin(ctx, decoding.Small+1) != nil { // none is free, or it would not have waited
			break
		}
		held = append(held, &work)
	}
	body := func(length int) string { return `{"name":"` + strings.Repeat("x", length) + `"}` }

	small := a.call(http.MethodPost, "/things/acme/x", body(decoding.Small/2))
	patience := a.timeout
	a.timeout = 50 * time.Millisecond
	large := a.call(http.MethodPost, "/things/acme/x", body(2*decoding.Small))
	a.timeout = patience
	for _, work := range held {
		work.End()
	}
	later := a.call(http.MethodPost, "/things/acme/x", body(2*decoding.Small))

	if small.Code/100 != 2 || large.Code != http.StatusGatewayTimeout || later.Code/100 != 2 || len(held) == 0 {
		t.Errorf("a small body: %d; a large one without a slot: %d, and with one: %d; %d slots", small.Code, large.Code, later.Code, len(held))
	}
}
