package transfer

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// quiet is how long those who follow hear nothing while nothing changes. Proxies cut what is silent for a minute.
const quiet = 15 * time.Second

// longest is how long one may follow; then one comes again, with a credential that is still good.
const longest = 5 * time.Minute

// Follow yields an upload as it is and each change of it, until it has ended or ctx ends, for five minutes at most. after is the revision that the caller
// knows, which is not yielded again. While nothing changes it yields ChangeNone every 15 seconds. It yields NotFound if there is no such upload, and
// RateLimited while the credential or the tenant has all the streams that it may.
func (t *Transfers) Follow(ctx context.Context, who auth.Principal, upload api.ID, after string) iter.Seq2[api.UploadChange, error] {
	id := uuid.UUID(upload)
	seen := map[uuid.UUID]api.Upload{}
	return t.follow(ctx, who, func(ctx context.Context) ([]api.UploadChange, bool, error) {
		u, err := t.findState(ctx, who, id)
		before, known := seen[id]
		if known && fault.Is(err, fault.NotFound) { // it ends with its model
			u, err = before, nil
			u.Status, u.Revision = api.UploadCancelled, before.Revision+".ended"
		}
		if err != nil {
			return nil, false, err
		}
		change, differs := compare(seen, u)
		change.After = u.ETag()
		if !differs || !known && u.ETag() == after {
			return nil, u.Status.Ended(), nil
		}
		return []api.UploadChange{change}, u.Status.Ended(), nil
	})
}

// overlap covers what was committed after a look, with a time before it.
const overlap = 10 * time.Second

// FollowAll yields all uploads under way that the caller may know of, those that ended since after, and each change of them, until ctx ends, for five
// minutes at most. While nothing changes it yields ChangeNone every 15 seconds. It fails with Invalid if after is none that it gave; "" stands for now. It
// yields RateLimited while the credential or the tenant has all the streams that it may.
func (t *Transfers) FollowAll(ctx context.Context, who auth.Principal, after string) (iter.Seq2[api.UploadChange, error], error) {
	since := time.Now()
	if after != "" {
		millis, err := strconv.ParseInt(after, 10, 64)
		if err != nil {
			return nil, fault.New(fault.Invalid, "A Last-Event-ID is the id of an event of this stream.", fault.Field("Last-Event-ID"))
		}
		since = time.UnixMilli(millis)
	}
	seen := map[uuid.UUID]api.Upload{}
	return t.follow(ctx, who, func(ctx context.Context) ([]api.UploadChange, bool, error) {
		looked := time.Now()
		found, err := t.recent(ctx, who, since.Add(-overlap))
		if err != nil {
			return nil, false, err
		}
		since = looked
		changes := changed(seen, found)
		for i := range changes {
			changes[i].After = strconv.FormatInt(looked.UnixMilli(), 10)
		}
		return changes, false, nil
	}), nil
}

// recent returns the uploads under way that the caller may know of, and those that ended since, 200 at most.
func (t *Transfers) recent(ctx context.Context, who auth.Principal, since time.Time) (found []api.Upload, err error) {
	err = t.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		all, err := recent(ctx, tx, who, since)
		found = uploads(all)
		return err
	})
	return found, err
}

// changed returns the changes of the found uploads since they were seen, and updates seen: an upload that is no longer found is removed from it.
func changed(seen map[uuid.UUID]api.Upload, found []api.Upload) []api.UploadChange {
	var changes []api.UploadChange
	still := make(map[uuid.UUID]bool, len(found))
	for _, u := range found {
		still[uuid.UUID(u.ID)] = true
		if change, differs := compare(seen, u); differs {
			changes = append(changes, change)
		}
	}
	for id := range seen {
		if !still[id] {
			delete(seen, id)
		}
	}
	return changes
}

// compare returns the change of an upload since it was seen last, false if there is none, and records it as seen.
func compare(seen map[uuid.UUID]api.Upload, u api.Upload) (api.UploadChange, bool) {
	before, known := seen[uuid.UUID(u.ID)]
	if known && before.ETag() == u.ETag() {
		return api.UploadChange{}, false
	}
	seen[uuid.UUID(u.ID)] = u
	change := api.UploadChange{Kind: api.ChangeProgress, State: api.UploadState{
		ID: u.ID, Model: u.Model, Version: u.Version, Path: u.Path, Size: u.Size, Received: u.Received,
		Status: u.Status, Phase: u.Phase, Progress: u.Progress, Error: u.Error, SHA256: u.SHA256,
	}}
	switch {
	case u.Status == api.UploadReady:
		change.Kind = api.ChangeDone
	case u.Status.Ended():
		change.Kind = api.ChangeFailed
	case before.Phase != u.Phase:
		change.Kind = api.ChangePhase
	}
	return change, true
}

// look gives what has changed since the last look, and whether that was all.
type look func(ctx context.Context) (changes []api.UploadChange, last bool, err error)

// openStreams returns the pool of the process's event streams, which all functions in it share. most bounds the streams at one time.
func openStreams(e *env.Env, most int64) (*share.Pool, error) {
	return env.Once(e, "event streams", func(context.Context) (*share.Pool, func(context.Context) error, error) {
		p := share.NewPool(share.Limit{Most: most, Noun: "event streams", Setting: "MAAS_UPLOAD_FOLLOWERS", RetryAfter: quiet})
		return p, nil, telemetry.RegisterShare(e, "event_streams", p.Stats)
	})
}

// follow polls for changes and yields them until ctx ends or longest has passed, which is no error. It yields an error
// if the caller has too many streams or a poll fails.
func (t *Transfers) follow(ctx context.Context, who auth.Principal, again look) iter.Seq2[api.UploadChange, error] {
	return func(yield func(api.UploadChange, error) bool) {
		stream := t.streams.Loan(who.Holder())
		if err := stream.Take(1); err != nil {
			yield(api.UploadChange{}, err)
			return
		}
		defer stream.End()
		ctx, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		if err := tell(ctx, again, yield); err != nil && ctx.Err() == nil {
			yield(api.UploadChange{}, err)
		}
	}
}

// tell calls again and yields the changes that it returns, until that was the last, ctx ends or yield returns false. After 15 seconds without a change it
// yields ChangeNone. It returns the error of again.
func tell(ctx context.Context, again look, yield func(api.UploadChange, error) bool) error {
	var spoken time.Time // so that the first thing to be said is said at once, were it only that there is nothing
	for pauses := looks(); ctx.Err() == nil; _ = pauses.Wait(ctx) {
		changes, last, err := again(ctx)
		if err != nil {
			return err
		}
		switch {
		case len(changes) > 0:
			pauses.Reset()
		case !last && time.Since(spoken) >= quiet:
			changes = []api.UploadChange{{Kind: api.ChangeNone}}
		}
		for _, change := range changes {
			spoken = time.Now()
			if !yield(change, nil) {
				return nil
			}
		}
		if last {
			return nil
		}
	}
	return nil
}
