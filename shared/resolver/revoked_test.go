package resolver

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

func TestAListThatIsTooOldIsNotBelieved(t *testing.T) {
	t.Parallel()
	k := newRevoked()
	k.start = time.Now().Add(-2 * time.Minute)
	list := &maasv1.RevocationsResponse{AsOf: timestamppb.Now()}

	k.merge(list, 30*time.Second) // 90 s ago
	faulttest.AssertKind(t, k.known(t.Context()), fault.Unavailable)

	k.merge(list, 90*time.Second) // 30 s ago
	if err := k.known(t.Context()); err != nil {
		t.Error(err)
	}
}
