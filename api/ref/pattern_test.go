package ref_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestAPatternMatchesNames(t *testing.T) {
	t.Parallel()
	for text, matches := range map[string]string{
		"acme/fraud":        "acme/fraud",
		"acme/*":            "acme/fraud acme/fraud-eu acme/fraud-us-2 acme/a",
		"acme/fraud-*":      "acme/fraud-eu acme/fraud-us-2",
		"acme/fraud*":       "acme/fraud acme/fraud-eu acme/fraud-us-2",
		"acme/fraud-*-2":    "acme/fraud-us-2",
		"acme/f*-*":         "acme/fraud-eu acme/fraud-us-2",
		"acme/nothing-*":    "",
		"rival/*":           "rival/fraud",
		"acme/fraud-us--*":  "",
		"acme/fraud-us-*-*": "",
	} {
		p, err := ref.ParsePattern(text)
		if err != nil || p.String() != text {
			t.Errorf("%s is read as %s, %v", text, p, err)
		}
		var found []string
		for name := range strings.FieldsSeq("acme/fraud acme/fraud-eu acme/fraud-us-2 acme/a rival/fraud") {
			m, err := ref.ParseModel(name)
			if err != nil {
				t.Fatal(err)
			}
			if p.Matches(m) {
				found = append(found, name)
			}
		}
		wanted := map[string]bool{}
		for name := range strings.FieldsSeq(matches) {
			wanted[name] = true
		}
		if len(found) != len(wanted) {
			t.Errorf("%s matches %v, want %s", text, found, matches)
		}
		for _, name := range found {
			if !wanted[name] {
				t.Errorf("%s matches %s", text, name)
			}
		}
	}
}

func TestAPatternThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "*", "acme", "acme/", "*/fraud", "a*/fraud", "acme/*-eu", "acme/**", "acme/Fraud*", "acme/fraud?*", "acme/[a]*", "acme/a/*", "acme/fraud_*", `acme/\*`,
		"acme/%*", "acme/" + strings.Repeat("a", 63) + "*",
	} {
		_, err := ref.ParsePattern(text)
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}
