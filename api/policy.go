package api

import (
	"slices"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
)

// Policy is what a tenant allows in its models.
type Policy struct {
	Formats FormatPolicy `json:"formats"`
}

// FormatPolicy says what becomes of files that can run code where they are loaded.
type FormatPolicy struct {
	Pickle FormatRule `json:"pickle,omitempty"` // of Python pickles, also those in joblib and PyTorch files and in arrays: refuse, scan or allow
	Code   FormatRule `json:"code,omitempty"`   // of TorchScript, Lambda layers of Keras and Python files of Hugging Face models: refuse or allow
}

// FormatRule says what becomes of a file that can run code.
type FormatRule string

// The rules, from the strictest on.
const (
	RefuseFormat FormatRule = "refuse" // it is rejected
	ScanFormat   FormatRule = "scan"   // it is rejected unless all that it imports is on the list of what is safe
	AllowFormat  FormatRule = "allow"  // it is accepted, and what was found in it is kept
)

// UnmarshalText reads a rule.
func (r *FormatRule) UnmarshalText(text []byte) error {
	if !slices.Contains(formatRules, FormatRule(text)) {
		return fault.New(fault.Invalid, "must be refuse, scan or allow", fault.Field("formats"))
	}
	*r = FormatRule(text)
	return nil
}

var formatRules = []FormatRule{RefuseFormat, ScanFormat, AllowFormat}

// Stricter returns the stricter of two rules. A rule that is not known is the strictest.
func (r FormatRule) Stricter(other FormatRule) FormatRule {
	return formatRules[max(0, min(slices.Index(formatRules, r), slices.Index(formatRules, other)))]
}

// Within returns the policy as the installation's limits leave it: of each two rules the stricter one.
func (p FormatPolicy) Within(limits FormatPolicy) FormatPolicy {
	return FormatPolicy{Pickle: p.Pickle.Stricter(limits.Pickle), Code: p.Code.Stricter(limits.Code)}
}

// DefaultFormats returns the policy of a tenant that has set none: what can run code is refused.
func DefaultFormats() FormatPolicy { return FormatPolicy{Pickle: RefuseFormat, Code: RefuseFormat} }

// ETag returns the policy's entity tag.
func (p *Policy) ETag() string { return etagOf(p) }

// PutPolicyRequest replaces a tenant's policy. A rule that is left out is refuse.
type PutPolicyRequest struct {
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
	Formats     FormatPolicy        `json:"formats"`
}

// Check fails with Invalid for a rule that a kind of file does not have.
func (r PutPolicyRequest) Check() error {
	if r.Formats.Code == ScanFormat {
		return fault.New(fault.Invalid, "code must be refuse or allow: it cannot be scanned.", fault.Field("formats.code"))
	}
	return nil
}
