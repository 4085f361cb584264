package ref_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestReferencesThatAreNearlyVersionsAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"v1.9.0":    "without a v before a version's three numbers or a range (did you mean 1.9.0?)",
		"V1.9.0":    "(did you mean 1.9.0?)",
		"v1.9.0-rc": "(did you mean 1.9.0-rc?)",
		"v1.x":      "(did you mean 1.x?)",
		"v01.9":     "(did you mean 1.9?)",
		"01.9.0":    "(did you mean 1.9.0?)",
		"1.09.0":    "(did you mean 1.9.0?)",
		"1.9.0 ":    "has no white space around it (did you mean 1.9.0?)",
		" 1.9.0":    "has no white space around it (did you mean 1.9.0?)",
		"\tlatest":  "has no white space around it",
		"1.X":       "(did you mean 1.x?)",
		"v01":       "is a version (1.4.0)",
		"1.9.0.1":   "is a version (1.4.0)",
		"^01.2":     "is a version (1.4.0)",
		"^v1.2":     "is a version (1.4.0)",
		"^ 1.2":     "is a version (1.4.0)",
		"1.2 - 1.4": "is a version (1.4.0)",
		"^1.2,":     "is a version (1.4.0)",
		"1.x.3":     "is a version (1.4.0)",
	} {
		_, err := ref.ParseSelector(text)
		faulttest.AssertKind(t, err, fault.Invalid, "ref")
		if err == nil || !strings.Contains(fault.From(err).Message, says) {
			t.Errorf("%q: %v does not say %q", text, err, says)
		}
	}
	for _, text := range []string{"1.2.x", "1.x.x", "1.*", ">=2.0.0-0", "0.x || 2.x", ">1 <10", ">=1.2, <2", "=1.9.0", "!=1.9.0", "^1.2.3-rc.1", "v8engine"} {
		if _, err := ref.ParseSelector(text); err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
	}
}

func TestAVersionSaysThatItHasNoV(t *testing.T) {
	t.Parallel()
	_, err := ref.ParseVersion("v1.9.0")
	if err == nil || !strings.Contains(fault.From(err).Message, "did you mean 1.9.0?") {
		t.Errorf("it says %v", err)
	}
}

func TestAWholeReferenceNamesSomethingAfterTheAt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"acme/fraud@", "acme/fraud@ ", "acme/fraud@1.0.0@2.0.0", "acme/fraud @1.0.0"} {
		_, err := ref.ParseTarget(text)
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestNamesThatReadLikeVersionsAreNoAliases(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"latest", "v1", "v1.4", "v1.2.3", "v1.x", "v01", "v1.4.0-rc.1", "vx", "x", "V1", "1.x", "^1", "~1", "1", ">=2", "*"} {
		alias, err := ref.ParseAlias(text)
		if err == nil {
			err = alias.CheckSettable()
		}
		faulttest.AssertKind(t, err, fault.Unprocessable, "alias")
	}
	for _, text := range []string{"production", "canary", "vnext", "v8engine", "team-1", "x-large", "vip", "a.b", "blue"} {
		alias, err := ref.ParseAlias(text)
		if err == nil {
			err = alias.CheckSettable()
		}
		if err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
	}
	for _, text := range []string{"", "Canary", "a b", "a--b", "-a", "é"} {
		_, err := ref.ParseAlias(text)
		faulttest.AssertKind(t, err, fault.Invalid, "alias")
	}
}

// FuzzParseSelector holds that what is read is just one of a version, an alias and a range, is written as it was, and has no second spelling around it.
func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"", "latest", "v1", "v1.4", "1.4.0", "v1.4.0", "01.4.0", "1.4.0 ", "^1.2", "~1.4", "1.x", "0.x || 2.x", ">1 <10", ">=1.2, <2", "production"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ref.ParseSelector(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q is refused as %v", text, err)
			}
			return
		}
		_, version := s.Version()
		alias, named := s.Alias()
		_, ranged := s.Range()
		kinds := 0
		for _, is := range []bool{version, named, ranged} {
			if is {
				kinds++
			}
		}
		if kinds != 1 || text != "" && s.String() != text || strings.TrimFunc(text, unicode.IsSpace) != text {
			t.Errorf("%q is read as %d kinds, %s", text, kinds, s)
		}
		if named && !alias.Derived() && alias.CheckSettable() != nil {
			t.Errorf("%q is an alias that cannot be", text)
		}
		if written, err := json.Marshal(s); err != nil {
			t.Error(err)
		} else if again := (ref.Selector{}); json.Unmarshal(written, &again) != nil || again.String() != s.String() {
			t.Errorf("%q is read back as %s", text, again)
		}
	})
}
