package transfer_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/transfertest"
)

func TestATenantAndACredentialFollowWithinTheirShares(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"MAAS_UPLOAD_FOLLOWERS": "8"})
	u := w.MustBegin(transfertest.Wanted(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func(who auth.Principal) error { // a stream that stays open until the end
		next, stop := iter.Pull2(w.Follow(ctx, who, u.ID, ""))
		t.Cleanup(stop)
		_, err, _ := next()
		return err
	}
	other := w.Owner
	other.Key, other.Scopes = "k", []api.Permission{"upload:*"}
	for range 2 { // a quarter of 8 for each credential, half for the tenant
		w.Must(open(w.Owner))
	}
	faulttest.AssertKind(t, open(w.Owner), fault.RateLimited)
	w.Must(open(other))
	err := open(w.Owner)
	if faulttest.AssertKind(t, err, fault.RateLimited); err != nil && !strings.Contains(err.Error(), "the 8 event streams (MAAS_UPLOAD_FOLLOWERS)") {
		t.Errorf("the refusal does not name the limit: %v", err)
	}
}

func TestAStreamThatEndsIsGivenBack(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t, map[string]string{"MAAS_UPLOAD_FOLLOWERS": "4"})
	u := w.MustBegin(transfertest.Wanted(1))
	follow := func(heard func()) (refused error) {
		for _, err := range w.Follow(t.Context(), w.Owner, u.ID, "") {
			if err != nil {
				return err
			}
			heard()
			break
		}
		return nil
	}

	w.Must(follow(func() { faulttest.AssertKind(t, follow(func() {}), fault.RateLimited) }))
	w.Must(follow(func() {}))
}

func TestWhoFollowsWithoutNewsHearsASignOfLife(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	for change, err := range w.Follow(ctx, w.Owner, u.ID, u.ETag()) {
		if w.Must(err); change.Kind != api.ChangeNone {
			t.Errorf("heard %+v", change)
		}
		cancel() // which is no error
	}
}

func TestAKeyOfOtherModelsSeesNoUpload(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	u := w.MustBegin(transfertest.Wanted(1))
	who := w.Owner
	who.Key, who.Scopes = "k", []api.Permission{"upload:*"}
	who.Limits = &auth.Limits{Models: []auth.BoundModel{{ID: uuid.New(), Name: u.Model.Name}}} // which had the name before

	_, err := w.Find(t.Context(), who, api.GetUploadRequest{ID: u.ID})
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = w.Begin(t.Context(), who, transfertest.Wanted(1))
	faulttest.AssertKind(t, err, fault.NotFound, "model")
	found, err := w.List(t.Context(), who, api.ListUploadsRequest{Request: page.Request{Size: 10}})
	if w.Must(err); len(found.Items) != 0 {
		t.Errorf("%+v", found.Items)
	}
	all, err := w.FollowAll(t.Context(), who, "")
	w.Must(err)
	for change := range all {
		if change.Kind != api.ChangeNone {
			t.Errorf("%+v", change)
		}
		break
	}
}
