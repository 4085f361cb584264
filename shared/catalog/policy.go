package catalog

import (
	"context"
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

// OpenFormatLimits reads the installation's limits.
func OpenFormatLimits(e *env.Env) (l FormatLimits, err error) { return l, e.Config(&l) }

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
	for field, rules := range map[string][2]api.FormatRule{
		"formats.pickle": {in.Formats.Pickle, p.Formats.Pickle}, "formats.code": {in.Formats.Code, p.Formats.Code},
	} {
		if asked, most := rules[0], rules[1]; asked != most && asked != "" {
			return p, fault.New(fault.Unprocessable, fmt.Sprintf("This installation allows %s at most, not %s.", most, asked), fault.Field(field))
		}
	}
	return p, c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		before, err := c.formats.Formats(ctx, tx)
		if err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, (&api.Policy{Formats: before}).ETag()); err != nil {
			return err
		}
		if err := putFormats(ctx, tx, p.Formats, who.Actor()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, policySet, fmt.Sprintf("pickle=%s code=%s", p.Formats.Pickle, p.Formats.Code))
	})
}
