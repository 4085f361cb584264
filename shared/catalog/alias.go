package catalog

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// AliasKind says what moves an alias.
type AliasKind string

// The kinds.
const (
	Derived AliasKind = "derived" // latest, vN or vN.M: it follows the published and ready versions by itself
	Set     AliasKind = "set"     // someone set it; one that follows by itself is set while it is rolled back
)

// Alias is a name that moves from version to version.
type Alias struct {
	Alias    ref.Alias `json:"alias"`
	Kind     AliasKind `json:"kind"`
	Traffic  Traffic   `json:"traffic"`
	Previous Traffic   `json:"previous"` // before it moved last
	MovedBy  string    `json:"moved_by"`
	MovedAt  time.Time `json:"moved_at"`
	Why      string    `json:"why"`
}

// ETag is the alias's entity tag.
func (a *Alias) ETag() string { return etagOf(a) }

// state is the entity tag of an alias that is there, "" of one that is not.
func (a *Alias) state() string {
	if len(a.Traffic) == 0 {
		return ""
	}
	return a.ETag()
}

// Move is an entry of an alias's ledger.
type Move struct {
	Seq     int64     `json:"seq"` // grows with each move of any alias
	Alias   ref.Alias `json:"alias"`
	From    Traffic   `json:"from"` // [] where there was none
	To      Traffic   `json:"to"`   // [] where the alias went
	MovedBy string    `json:"moved_by"`
	MovedAt time.Time `json:"moved_at"`
	Why     string    `json:"why"`
}

// ListAliases asks for a page of a model's aliases.
type ListAliases struct {
	page.Request
	Model ref.Model `path:"t/m"`
}

// ListAliases gives a model's aliases by name, derived ones included.
func (c *Catalog) ListAliases(ctx context.Context, who auth.Principal, in ListAliases) (found page.Page[Alias], err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		aliases, err := listAliases(ctx, tx, id, in.Request)
		found = page.Of(in.Request, aliases, func(a Alias) string { return string(a.Alias) })
		return err
	})
	return found, err
}

// AliasHistory asks for a page of an alias's ledger.
type AliasHistory struct {
	page.Request
	Model ref.Model `path:"t/m"`
	Alias ref.Alias `path:"alias"`
}

// AliasHistory gives an alias's moves, the newest first, also of an alias that is gone.
func (c *Catalog) AliasHistory(ctx context.Context, who auth.Principal, in AliasHistory) (found page.Page[Move], err error) {
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
		found = page.Of(in.Request, moves, func(m Move) string { return strconv.FormatInt(m.Seq, 10) })
		return err
	})
	return found, err
}

// SetAlias says where an alias is to lead: to one version, or to several by weight. Just one of Version and Traffic is given.
type SetAlias struct {
	Model       ref.Model           `path:"t/m"`
	Alias       ref.Alias           `path:"alias"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Version     *ref.Version        `json:"version"`
	Traffic     Traffic             `json:"traffic,omitempty"`
	Why         Reason              `json:"why,omitempty"`
}

// SetAlias moves an alias, or makes it, after its targets have started: it waits for them until shortly before the context's deadline.
//
// Where it leads there already, only another reason (Why) changes anything: it is recorded as a move from there to there.
//
// It fails with Unprocessable for an alias that follows by itself or reads like a version, with PreconditionFailed if the alias is not as the request
// has it, with Conflict if a target is no published version or cannot start, and with
// Unavailable if one is still starting when the time is over.
func (c *Catalog) SetAlias(ctx context.Context, who auth.Principal, in SetAlias) (Alias, error) {
	if err := in.Alias.CheckSettable(); err != nil {
		return Alias{}, err
	}
	to := in.Traffic
	switch {
	case in.Version != nil && len(in.Traffic) > 0 || in.Version == nil && len(in.Traffic) == 0:
		return Alias{}, fault.New(fault.Invalid, "Give either version or traffic.", fault.Field("version"), fault.Field("traffic"))
	case in.Version != nil:
		to = allTo(*in.Version)
	}
	if err := c.checkAlias(ctx, who, in); err != nil {
		return Alias{}, err
	}
	if err := c.awaitRunning(ctx, who, in.Model, to); err != nil {
		return Alias{}, err
	}
	return c.move(ctx, who, in.Model, move{in.Alias, to, string(in.Why), in.IfMatch, in.IfNoneMatch})
}

// checkAlias checks a request's conditions before anything is started for it; the move checks them again.
func (c *Catalog) checkAlias(ctx context.Context, who auth.Principal, in SetAlias) error {
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
		return condition.Check(in.IfMatch, in.IfNoneMatch, stands.state())
	})
}

// Rollback says where an alias is to go back to.
type Rollback struct {
	Model       ref.Model           `path:"t/m"`
	Alias       ref.Alias           `path:"alias"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	To          *ref.Version        `json:"to"`              // a version that it led to before; nil is where it led before its last move
	Force       bool                `json:"force,omitempty"` // at once, also while the target does not run
	Why         Reason              `json:"why,omitempty"`
}

// Rollback moves an alias back. The target still runs while the guard window lasts (10 minutes), so that this is one row; later it is started
// first, unless forced. An alias that follows by itself stays where it is rolled back to until a version that is published later is ready.
func (c *Catalog) Rollback(ctx context.Context, who auth.Principal, in Rollback) (Alias, error) {
	// Again, it would look for where the alias led before the rollback.
	if rolled, again, err := postgres.Replay[Alias](ctx, c.db, who.Tenant, who.Actor()); err != nil || again {
		return rolled, err
	}
	stands, to, err := c.former(ctx, who, in)
	if err != nil {
		return Alias{}, err
	}
	if err := condition.Check(in.IfMatch, in.IfNoneMatch, stands.state()); err != nil {
		return Alias{}, err
	}
	if !in.Force {
		if err := c.awaitRunning(ctx, who, in.Model, to); err != nil {
			return Alias{}, err
		}
	}
	why := "rollback"
	if in.Why != "" {
		why += ": " + string(in.Why)
	}
	rolled, err := c.move(ctx, who, in.Model, move{in.Alias, to, why, condition.Tag(stands.state()), ""})
	if fault.Is(err, fault.PreconditionFailed) {
		return Alias{}, fault.New(fault.Conflict, fmt.Sprintf("%s@%s was moved by someone else meanwhile.", in.Model, in.Alias), fault.Field("alias"))
	}
	return rolled, err
}

// remembered bounds how far back a rollback looks.
const remembered = 100

// former gives the alias as it stands, and where it led before.
func (c *Catalog) former(ctx context.Context, who auth.Principal, in Rollback) (stands Alias, to Traffic, err error) {
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
		to, err = target(moves, in)
		return err
	})
	return stands, to, err
}

// target picks the traffic to go back to out of the moves, newest first.
func target(moves []Move, in Rollback) (Traffic, error) {
	if in.To == nil {
		last := slices.IndexFunc(moves, func(m Move) bool { return !m.From.equal(m.To) }) // others say only why it stays
		if last < 0 || len(moves[last].From) == 0 {
			return nil, fault.New(fault.Conflict, fmt.Sprintf("%s@%s has led nowhere else yet.", in.Model, in.Alias), fault.Field("alias"))
		}
		return moves[last].From, nil
	}
	for _, m := range moves {
		if m.From.goesTo(*in.To) {
			return allTo(*in.To), nil
		}
	}
	return nil, fault.New(fault.Conflict, fmt.Sprintf("%s@%s has never led to %s.", in.Model, in.Alias, *in.To), fault.Field("to"))
}

func noAlias(m ref.Model, alias ref.Alias) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no alias %s@%s.", m, alias), fault.Field("alias"))
}
