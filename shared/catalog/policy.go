package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

const policySet audit.Action = "policy.set"

// FormatLimits is the most that the policies of an installation's tenants may allow.
type FormatLimits struct {
	Pickle api.FormatRule `env:"MAAS_POLICY_PICKLE" envDefault:"allow"` // refuse, scan or allow
	Code   api.FormatRule `env:"MAAS_POLICY_CODE" envDefault:"allow"`   // refuse or allow
}

// OpenFormatLimits reads the installation's limits. It fails for a rule that a kind of file does not have.
func OpenFormatLimits(e *env.Env) (l FormatLimits, err error) {
	if err := e.Config(&l); err != nil {
		return l, err
	}
	if l.Code == api.ScanFormat {
		return l, errors.New("MAAS_POLICY_CODE is refuse or allow: code cannot be scanned")
	}
	return l, nil
}

// Formats returns the rules that hold for the tenant of the transaction: its own, or the defaults, within the limits.
func (l FormatLimits) Formats(ctx context.Context, tx postgres.Tx) (api.FormatPolicy, error) {
	own, err := readFormats(ctx, tx)
	return own.Within(api.FormatPolicy(l)), err
}

// GetPolicy returns what the tenant allows in its models. A tenant that has set nothing refuses files that can run code.
func (c *Catalog) GetPolicy(ctx context.Context, who auth.Principal, _ struct{}) (p api.Policy, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		p.Formats, err = c.formats.Formats(ctx, tx)
		return err
	})
	return p, err
}

// PutPolicy sets what the tenant allows in its models. It holds for files that are verified from then on, and for publishing. A rule that is left out is
// refuse. It fails with Unprocessable for a rule that allows more than the installation does.
func (c *Catalog) PutPolicy(ctx context.Context, who auth.Principal, in api.PutPolicyRequest) (p api.Policy, err error) {
	if err := in.Check(); err != nil {
		return p, err
	}
	p.Formats = in.Formats.Within(api.FormatPolicy(c.formats))
	for _, rule := range []struct {
		field       string
		asked, most api.FormatRule
	}{{"formats.pickle", in.Formats.Pickle, p.Formats.Pickle}, {"formats.code", in.Formats.Code, p.Formats.Code}} {
		if rule.asked != rule.most && rule.asked != "" {
			return p, fault.New(fault.Unprocessable, fmt.Sprintf("This installation allows %s at most, not %s.", rule.most, rule.asked), fault.Field(rule.field))
		}
	}
	return p, c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		before, err := lockFormats(ctx, tx, who.Actor())
		if err != nil {
			return err
		}
		shown := api.Policy{Formats: before.Within(api.FormatPolicy(c.formats))}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, shown.ETag()); err != nil {
			return err
		}
		if err := putFormats(ctx, tx, p.Formats, who.Actor()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, policySet, fmt.Sprintf("pickle=%s code=%s", p.Formats.Pickle, p.Formats.Code))
	})
}
