package condition_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// TestConditions has the cases of RFC 9110, 13.1.1 and 13.1.2, for a resource that is there with the tag a, and for one that is not there.
func TestConditions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		match, none     string
		there, notThere bool // whether the request goes on
	}{
		"no condition":           {"", "", true, true},
		"the tag":                {`"a"`, "", true, false},
		"another tag":            {`"b"`, "", false, false},
		"any":                    {`*`, "", true, false},
		"a list with the tag":    {`"b" , "a"`, "", true, false},
		"a list without":         {`"b","c"`, "", false, false},
		"a weak tag":             {`W/"a"`, "", false, false},
		"a tag with a comma":     {`"a,b", "a"`, "", true, false},
		"empty members":          {`, ,"a",`, "", true, false},
		"none: the tag":          {"", `"a"`, false, true},
		"none: weak":             {"", `W/"a"`, false, true},
		"none: another":          {"", `"b"`, true, true},
		"none: any":              {"", `*`, false, true},
		"none: a list":           {"", `"b", W/"a"`, false, true},
		"both, and both hold":    {`"a"`, `"b"`, true, false},
		"both, and one does not": {`"a"`, `"a"`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var match condition.Match
			var none condition.NoneMatch
			for _, err := range []error{read(&match, test.match), read(&none, test.none)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			for tag, goesOn := range map[string]bool{"a": test.there, "": test.notThere} {
				err := condition.Check(match, none, tag)
				if goesOn && err != nil {
					t.Errorf("with the tag %q: %v", tag, err)
				} else if !goesOn {
					faulttest.AssertKind(t, err, fault.PreconditionFailed)
				}
			}
		})
	}
}

func read(into interface{ UnmarshalText(text []byte) error }, text string) error {
	if text == "" {
		return nil
	}
	return into.UnmarshalText([]byte(text))
}

func TestMalformedConditionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", ",", "a", `"a`, `a"`, `"a""b"`, `"a" "b"`, `w/"a"`, `W/a`, `*, "a"`, `"a", *`, "\"a\x00\"", `"a b"`} {
		var match condition.Match
		faulttest.AssertKind(t, match.UnmarshalText([]byte(text)), fault.Invalid, condition.IfMatch)
		var none condition.NoneMatch
		faulttest.AssertKind(t, none.UnmarshalText([]byte(text)), fault.Invalid, condition.IfNoneMatch)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`"a", W/"b"`)
	f.Add(`*`)
	f.Fuzz(func(t *testing.T, text string) {
		var match condition.Match
		if match.UnmarshalText([]byte(text)) != nil {
			return
		}
		if strings.Contains(text, "*") && !strings.Contains(text, `"`) {
			return
		}
		if condition.Check(match, "", `"`) == nil { // no tag has a quote
			t.Errorf("%q matches a quote", text)
		}
	})
}
