package catalog

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// ListAliases returns a model's aliases by name, derived ones included.
func (c *Catalog) ListAliases(ctx context.Context, who auth.Principal, in api.ListAliasesRequest) (page.Page[api.Alias], error) {
	return read(ctx, c, firstPage(c.reads.aliases, in.Request), who, in.Model, "first",
		func(ctx context.Context, tx postgres.Tx, _ auth.Principal, id uuid.UUID) (page.Page[api.Alias], bool, error) {
			aliases, err := listAliases(ctx, tx, id, in.Request)
			return page.Of(in.Request, aliases, func(a api.Alias) string { return string(a.Alias) }), true, err
		})
}

// AliasHistory returns an alias's moves, the newest first, also of an alias that is gone.
func (c *Catalog) AliasHistory(ctx context.Context, who auth.Principal, in api.AliasHistoryRequest) (found page.Page[api.AliasMove], err error) {
	after := int64(math.MaxInt64)
	if in.After != "" {
		if after, err = strconv.ParseInt(in.After, 10, 64); err != nil {
			return found, badCursor()
		}
	}
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		moves, err := listMoves(ctx, tx, id, in.Alias, after, in.Size+1)
		if err == nil && len(moves) == 0 && in.After == "" {
			return noAlias(in.Model, in.Alias)
		}
		found = page.Of(in.Request, moves, func(m api.AliasMove) string { return strconv.FormatInt(m.Seq, 10) })
		return err
	})
	return found, err
}

// SetAlias moves an alias, or makes it, after its targets have started: it waits for them until shortly before the context's deadline.
//
// Where it leads there already, only another reason (Why) changes anything: it is recorded as a move from there to there.
//
// It fails with Unprocessable for an alias that follows by itself or reads like a version, with PreconditionFailed if the alias is not as the request
// has it, with Conflict if a target is no published version or cannot start, and with
// Unavailable if one is still starting when the time is over.
func (c *Catalog) SetAlias(ctx context.Context, who auth.Principal, in api.SetAliasRequest) (api.Alias, error) {
	if err := in.Alias.CheckSettable(); err != nil {
		return api.Alias{}, err
	}
	to := in.Traffic
	switch {
	case in.Version != nil && len(in.Traffic) > 0 || in.Version == nil && len(in.Traffic) == 0:
		return api.Alias{}, fault.New(fault.Invalid, "Give either version or traffic.", fault.Field("version"), fault.Field("traffic"))
	case in.Version != nil:
		to = api.AllTo(*in.Version)
	}
	if err := c.checkAlias(ctx, who, in); err != nil {
		return api.Alias{}, err
	}
	if err := c.awaitRunning(ctx, who, in.Model, to); err != nil {
		return api.Alias{}, err
	}
	return c.move(ctx, who, in.Model, move{in.Alias, to, string(in.Why), in.IfMatch, in.IfNoneMatch})
}

// checkAlias checks the request's If-Match and If-None-Match before any version is started; move checks them again. It fails with PreconditionFailed if one
// does not hold, and with NotFound if there is no such model. Without these headers it does nothing.
func (c *Catalog) checkAlias(ctx context.Context, who auth.Principal, in api.SetAliasRequest) error {
	if in.IfMatch == "" && in.IfNoneMatch == "" {
		return nil
	}
	return c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		stands, err := readAlias(ctx, tx, id, in.Alias)
		if err != nil {
			return err
		}
		return condition.Check(in.IfMatch, in.IfNoneMatch, stands.ETag())
	})
}

// Rollback moves an alias back. The target still runs while the guard window lasts (10 minutes), so that this is one row; later it is started
// first, unless forced. An alias that follows by itself stays where it is rolled back to until a version that is published later is ready.
func (c *Catalog) Rollback(ctx context.Context, who auth.Principal, in api.RollbackRequest) (api.Alias, error) {
	// Again, it would look for where the alias led before the rollback.
	if rolled, again, err := postgres.Replay[api.Alias](ctx, c.db, who.Tenant, who.Actor()); err != nil || again {
		return rolled, err
	}
	stands, to, err := c.former(ctx, who, in)
	if err != nil {
		return api.Alias{}, err
	}
	if err := condition.Check(in.IfMatch, in.IfNoneMatch, stands.ETag()); err != nil {
		return api.Alias{}, err
	}
	if !in.Force {
		if err := c.awaitRunning(ctx, who, in.Model, to); err != nil {
			return api.Alias{}, err
		}
	}
	why := "rollback"
	if in.Why != "" {
		why += ": " + string(in.Why)
	}
	rolled, err := c.move(ctx, who, in.Model, move{in.Alias, to, why, condition.Tag(stands.ETag()), ""})
	if fault.Is(err, fault.PreconditionFailed) {
		return api.Alias{}, fault.New(fault.Conflict, fmt.Sprintf("%s@%s was moved by someone else meanwhile.", in.Model, in.Alias), fault.Field("alias"))
	}
	return rolled, err
}

// remembered bounds how far back a rollback looks.
const remembered = 100

// former returns the alias as it stands, and the traffic that a rollback moves it to. It fails with NotFound if the model or the alias does not exist, and
// with Conflict if there is nothing to go back to (trafficBefore). It looks at the last 100 moves only.
func (c *Catalog) former(ctx context.Context, who auth.Principal, in api.RollbackRequest) (stands api.Alias, to api.Traffic, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		if stands, err = readAlias(ctx, tx, id, in.Alias); err != nil {
			return err
		}
		if len(stands.Traffic) == 0 {
			return noAlias(in.Model, in.Alias)
		}
		moves, err := listMoves(ctx, tx, id, in.Alias, math.MaxInt64, remembered)
		if err != nil {
			return err
		}
		to, err = trafficBefore(moves, in)
		return err
	})
	return stands, to, err
}

// trafficBefore returns the traffic that a rollback moves an alias to: all to in.To, or if To is nil, the traffic before the last change. moves are the
// alias's, newest first. It fails with Conflict if the alias has never led to in.To, or nowhere else yet.
func trafficBefore(moves []api.AliasMove, in api.RollbackRequest) (api.Traffic, error) {
	if in.To == nil {
		last := slices.IndexFunc(moves, func(m api.AliasMove) bool { return !m.From.Equal(m.To) }) // others say only why it stays
		if last < 0 || len(moves[last].From) == 0 {
			return nil, fault.New(fault.Conflict, fmt.Sprintf("%s@%s has led nowhere else yet.", in.Model, in.Alias), fault.Field("alias"))
		}
		return moves[last].From, nil
	}
	for _, m := range moves {
		if m.From.GoesTo(*in.To) {
			return api.AllTo(*in.To), nil
		}
	}
	return nil, fault.New(fault.Conflict, fmt.Sprintf("%s@%s has never led to %s.", in.Model, in.Alias, *in.To), fault.Field("to"))
}

// noAlias returns the NotFound error of an alias that does not exist.
func noAlias(m ref.Model, alias ref.Alias) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no alias %s@%s.", m, alias), fault.Field("alias"))
}
