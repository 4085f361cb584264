package catalog

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

const aliasMoved audit.Action = "alias.move"

// mover moves the aliases of one model in one transaction, which holds the lock of the model's row.
type mover struct {
	tx     postgres.Tx
	events *outbox.Outbox
	who    auth.Principal
	id     uuid.UUID
	model  ref.Model
}

// reason is why an alias moves.
type reason struct {
	text  string
	given bool // by somebody, in their own words
}

// move makes an alias lead to the traffic: it writes the alias's row, its history, the audit log and the event. Empty traffic deletes the alias. If the
// alias leads there already nothing is written, unless somebody gave a new reason: then a move from there to there is.
func (m mover) move(ctx context.Context, before api.Alias, kind api.AliasKind, to api.Traffic, because reason) error {
	why := because.text
	stays := before.Traffic.Equal(to) && (before.Kind == kind || len(to) == 0)
	if stays && (!because.given || len(to) == 0 || before.Why == why) {
		return nil
	}
	by := m.who.Actor()
	if len(to) == 0 {
		to = api.Traffic{}
	}
	after := api.Alias{Alias: before.Alias, Kind: kind, Traffic: to, MovedBy: by, Why: why}
	if err := putAlias(ctx, m.tx, m.id, before, after); err != nil {
		return err
	}
	if err := audit.Record(ctx, m.tx, m.who, aliasMoved, fmt.Sprintf("%s@%s", m.model, before.Alias)); err != nil {
		return err
	}
	return m.events.Emit(ctx, m.tx, event.AliasMoved{
		Model: m.model, Alias: before.Alias, From: before.Traffic, To: to, By: by, Why: why,
	})
}

// follow moves the aliases derived from v (latest, vN, vN.M) to the highest release that is published and ready, and deletes those without one. An alias
// that was rolled back stays, unless a version that it leads to is retired, or v was published after the rollback and is that highest release. fresh is
// when v was published; nil stands for another occasion, such as a deprecation.
func (m mover) follow(ctx context.Context, v ref.Version, why string, fresh *time.Time) error {
	for _, alias := range v.Aliases() {
		before, err := readAlias(ctx, m.tx, m.id, alias)
		if err != nil {
			return err
		}
		to, err := m.implied(ctx, alias, v)
		if err != nil {
			return err
		}
		newer := fresh != nil && fresh.After(before.MovedAt) && to.GoesTo(v)
		held, err := m.held(ctx, before)
		if err != nil {
			return err
		}
		if held && !newer {
			continue
		}
		if err := m.move(ctx, before, api.AliasDerived, to, reason{text: why}); err != nil {
			return err
		}
	}
	return nil
}

// held reports whether a derived alias was rolled back to a version that is still served.
func (m mover) held(ctx context.Context, a api.Alias) (bool, error) {
	if a.Kind != api.AliasSet {
		return false, nil
	}
	for _, target := range a.Traffic {
		_, status, err := statusOf(ctx, m.tx, m.id, target.Version)
		if err != nil || status == api.VersionRetired {
			return false, err
		}
	}
	return true, nil
}

// implied returns where a derived alias of v leads: to the highest published release of its numbers that has started once, else to the highest such
// deprecated one. It returns empty traffic if there is none.
func (m mover) implied(ctx context.Context, alias ref.Alias, v ref.Version) (api.Traffic, error) {
	var majorOf, minorOf *int64
	major, minor, _, _ := place(v)
	if alias != ref.Latest {
		majorOf = &major
	}
	if alias == ref.Alias(fmt.Sprintf("v%d.%d", major, minor)) {
		minorOf = &minor
	}
	for _, status := range []api.VersionStatus{api.VersionPublished, api.VersionDeprecated} {
		to, err := highestRelease(ctx, m.tx, m.id, status, majorOf, minorOf)
		if err != nil {
			return nil, err
		}
		if !to.IsZero() {
			return api.AllTo(to), nil
		}
	}
	return api.Traffic{}, nil
}

// move is what is to become of an alias.
type move struct {
	alias ref.Alias
	to    api.Traffic
	why   string // "" for none given

	match condition.Match
	none  condition.NoneMatch
}

// move moves an alias in a transaction of its own and returns the alias as it is then. It fails with NotFound if there is no such model, with
// PreconditionFailed if a condition of the move does not hold, and with Conflict if an alias may not lead to one of the versions (served).
func (c *Catalog) move(ctx context.Context, who auth.Principal, name ref.Model, to move) (api.Alias, error) {
	return postgres.Once(ctx, c.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Alias, error) {
		id, err := lock(ctx, tx, who, name)
		if err != nil {
			return api.Alias{}, err
		}
		before, err := readAlias(ctx, tx, id, to.alias)
		if err != nil {
			return api.Alias{}, err
		}
		if err := condition.Check(to.match, to.none, before.ETag()); err != nil {
			return api.Alias{}, err
		}
		if err := served(ctx, tx, id, name, to.to); err != nil {
			return api.Alias{}, err
		}
		if err := c.announce.Changed(ctx, tx, id, name); err != nil {
			return api.Alias{}, err
		}
		why := cmp.Or(to.why, "set")
		if err := (mover{tx, c.events, who, id, name}).move(ctx, before, api.AliasSet, to.to, reason{why, to.why != ""}); err != nil {
			return api.Alias{}, err
		}
		return readAlias(ctx, tx, id, to.alias)
	})
}

// served fails with Conflict unless each of the versions is published and has started once, so that an alias may lead to it.
func served(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, to api.Traffic) error {
	for _, target := range to {
		status, started, err := startedStatus(ctx, tx, model, target.Version)
		switch {
		case postgres.NotFound(err):
			return fault.New(fault.Conflict, fmt.Sprintf("There is no version %s@%s.", name, target.Version), fault.Field("version"))
		case err != nil:
			return err
		case !status.Serves():
			return fault.New(fault.Conflict, fmt.Sprintf("%s@%s is %s: an alias leads to published versions.", name, target.Version, status), fault.Field("version"))
		case !started:
			return fault.New(fault.Conflict, fmt.Sprintf("%s@%s has never started: an alias leads to versions that can.", name, target.Version), fault.Field("version"))
		}
	}
	return nil
}

// Started records that a version has started. The first time it moves the derived aliases, and those that the publication asked for unless they were moved
// since. Later, and for a version that is not published or deprecated, it changes nothing. The transaction has raised the model's epoch already
// (Announce.Changed).
func Started(ctx context.Context, tx postgres.Tx, events *outbox.Outbox, who auth.Principal, version uuid.UUID) error {
	s, err := firstStart(ctx, tx, version)
	if err != nil || !s.first {
		return err
	}
	m := mover{tx, events, who, s.modelID, s.model}
	for _, alias := range s.aliases {
		if ref.Alias(alias).CheckSettable() != nil {
			continue // it was asked for when such names could be set
		}
		if err := m.bring(ctx, ref.Alias(alias), s); err != nil {
			return err
		}
	}
	return m.follow(ctx, s.version, "published", &s.publishedAt)
}

// bring moves an alias that a publication asked for to the version, unless the alias was moved since the publication (movedSince): a version may start long
// after it.
func (m mover) bring(ctx context.Context, alias ref.Alias, s start) error {
	overtaken, err := movedSince(ctx, m.tx, m.id, alias, s.publishedAt, m.who.Actor())
	if err != nil || overtaken {
		return err
	}
	before, err := readAlias(ctx, m.tx, m.id, alias)
	if err != nil {
		return err
	}
	return m.move(ctx, before, api.AliasSet, api.AllTo(s.version), reason{text: "published"})
}

// start is what the first start of a version is about.
type start struct {
	first       bool
	modelID     uuid.UUID
	model       ref.Model
	version     ref.Version
	aliases     []string
	publishedAt time.Time
}
