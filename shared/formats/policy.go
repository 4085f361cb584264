package formats

import (
	"fmt"
	"strings"

	"github.com/17882237881/MaaS/api"
)

// maxFindings bounds the findings that a refusal names.
const maxFindings = 5

// CheckPolicy returns the refusal of a file that the policy does not allow, or nil. Files that cannot run code are always allowed.
func CheckPolicy(m Model, p api.FormatPolicy) *Refusal {
	var unsafe []string
	for _, f := range m.Findings {
		if f.Unsafe {
			unsafe = append(unsafe, fmt.Sprintf("%s (byte %d)", f.Detail, f.Offset))
		}
	}
	a, _ := ofFormat(m.Format)
	rule, name := p.Code, "code"
	if a.pickled {
		rule, name = p.Pickle, "pickle"
	}
	scanned := rule == api.ScanFormat && a.pickled
	switch {
	case rule == api.AllowFormat, !a.code && len(unsafe) == 0, scanned && len(unsafe) == 0:
		return nil
	case scanned:
		return &Refusal{RunsCode, m.Format, "loading this " + a.label() + " can run what is not known to be safe: " + some(unsafe)}
	}
	detail := fmt.Sprintf("loading %s can run code, which the tenant's policy refuses (%s: %s)", a.name, name, api.RefuseFormat)
	if len(unsafe) > 0 {
		detail += ": " + some(unsafe)
	}
	return &Refusal{RunsCode, m.Format, detail}
}

// some lists the first of the findings.
func some(findings []string) string {
	if more := len(findings) - maxFindings; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(findings[:maxFindings], ", "), more)
	}
	return strings.Join(findings, ", ")
}

// WithCode returns the formats whose files can run code, whatever was found in them.
func WithCode() []string {
	var all []string
	for _, r := range readers {
		if a := r.about(); a.code {
			all = append(all, string(a.format))
		}
	}
	return all
}
