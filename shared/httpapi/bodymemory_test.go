package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/share"
)

// TestABodyOfManyMembersCostsLittle has 90,000 members that no field is for, and as many of a map.
func TestABodyOfManyMembersCostsLittle(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	var many strings.Builder
	for i := range 90_000 {
		many.WriteString(`"m` + strconv.Itoa(i) + `":1,`)
	}
	members := many.String() + `"last":1`
	for name, body := range map[string]string{"fields": "{" + members + "}", "a map": `{"labels":{` + members + "}}"} {
		var in struct {
			Labels map[string]int `json:"labels,omitempty"`
		}
		s := &strict{}
		allocations := testing.AllocsPerRun(1, func() {
			s = &strict{}
			s.read([]byte(body), reflect.ValueOf(&in).Elem(), "")
		})
		if len(s.errors) == 0 || allocations > 100_000 {
			t.Errorf("%s: %d errors after %.0f allocations", name, len(s.errors), allocations)
		}
	}
}

func TestBodiesAreChargedToTheirCallers(t *testing.T) {
	t.Parallel()
	m := &Mux{bodies: share.NewPool(share.Limit{Most: 4 * share.Lone * maxBody, Noun: "bytes", Setting: "MAAS_BODY_MEMORY"})}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	request.ContentLength = -1 // it may be as long as any
	from := func(address string) *http.Request {
		return request.WithContext(share.With(t.Context(), &caller{address: netip.MustParseAddr(address)}))
	}

	var held []share.Loan
	for {
		loan, err := m.lendBody(from("192.0.2.1"))
		if err != nil {
			if !fault.Is(err, fault.RateLimited) {
				t.Errorf("one body too many: %v", err)
			}
			break
		}
		held = append(held, loan)
	}
	other, err := m.lendBody(from("192.0.2.2"))
	if err != nil || len(held) == 0 {
		t.Errorf("after %d bodies of one address, that of another: %v", len(held), err)
	}
	for _, loan := range append(held, other) {
		loan.End()
	}
	if used := m.bodies.Stats().Used; used != 0 {
		t.Errorf("%d bytes are held by nobody", used)
	}
}
