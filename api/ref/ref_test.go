package ref_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestNamesAreDNSLabels(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "0", "acme", "acme-2", "a-b-c", strings.Repeat("a", 63)} {
		if _, err := ref.ParseTenant(good); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "a--b", "A", "a_b", "a.b", "a b", "é", "a/b", "a\n", "..", strings.Repeat("a", 64)} {
		_, err := ref.ParseTenant(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "tenant")
	}
}

func TestANameIsWhatThePatternSays(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
	const alphabet = "-a0Z.é"
	agrees := func(letters []uint8) bool {
		var name strings.Builder
		for _, letter := range letters[:min(len(letters), 12)] {
			name.WriteRune([]rune(alphabet)[int(letter)%utf8.RuneCountInString(alphabet)])
		}
		_, err := ref.ParseName(name.String())
		return (err == nil) == pattern.MatchString(name.String())
	}
	if err := quick.Check(agrees, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestAModelHasTwoNames(t *testing.T) {
	t.Parallel()
	m, err := ref.ParseModel("acme/fraud")
	if err != nil || m.Tenant != "acme" || m.Name != "fraud" || m.String() != "acme/fraud" {
		t.Errorf("ParseModel gives %v, %v", m, err)
	}
	for _, bad := range []string{"", "acme", "/", "acme/", "/fraud", "acme/fraud/x", "acme/Fraud", "../etc"} {
		_, err := ref.ParseModel(bad)
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestVersionsAreStrictAndHaveNoBuildMetadata(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"0.0.0", "1.4.0", "1.4.0-rc.1", "2147483647.0.0", "1.0.0-999999999999999999", "1.0.0-a-b.0x1"} {
		if v, err := ref.ParseVersion(good); err != nil || v.String() != good {
			t.Errorf("%q is read as %q, %v", good, v, err)
		}
	}
	for _, bad := range []string{
		"", "1", "1.4", "v1.4.0", "01.4.0", "1.4.0+build", "1.4.0-", "1.4.0-01", "2147483648.0.0", "1.0.0-9999999999999999999", " 1.4.0",
		"1.4.0-" + strings.Repeat("a", 128),
	} {
		_, err := ref.ParseVersion(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "version")
	}
}

// TestPrecedence is the example of SemVer 2.0.0, 11.4.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	order := []string{
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1",
		"1.1.0", "1.9.0", "1.10.0", "2.0.0",
	}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := version(t, a).Compare(version(t, b)); got != want {
				t.Errorf("%s compared with %s is %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestTheNextVersionIsHigher(t *testing.T) {
	t.Parallel()
	higher := func(major, minor, patch uint16, prerelease bool) bool {
		text := fmt.Sprintf("%d.%d.%d", major, minor, patch)
		if prerelease {
			text += "-rc.1"
		}
		v := version(t, text)
		for _, bump := range []ref.Bump{ref.BumpMajor, ref.BumpMinor, ref.BumpPatch} {
			if next := v.Next(bump); next.Compare(v) <= 0 || next.Prerelease() != "" {
				t.Errorf("%s after %s is %s", bump, v, next)
			}
		}
		return !t.Failed()
	}
	if err := quick.Check(higher, nil); err != nil {
		t.Error(err)
	}
}

func TestTheFirstVersions(t *testing.T) {
	t.Parallel()
	for bump, want := range map[ref.Bump]string{ref.BumpMajor: "1.0.0", ref.BumpMinor: "0.1.0", ref.BumpPatch: "0.0.1"} {
		if got := (ref.Version{}).Next(bump).String(); got != want {
			t.Errorf("the first by %s is %s, want %s", bump, got, want)
		}
	}
}

func TestASelectorIsAVersionAnAliasOrARange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "alias", "latest": "alias", "v1": "alias", "v1.4": "alias", "production": "alias", "1.4.0": "version", "1.4.0-rc.1": "version",
		"^1.2": "range", "~1.4": "range", "1.x": "range", "1": "range", "x": "range", "*": "range",
	} {
		s, err := ref.ParseSelector(text)
		if err != nil {
			t.Errorf("%q is refused: %v", text, err)
			continue
		}
		got := "none"
		if _, ok := s.Version(); ok {
			got = "version"
		} else if _, ok := s.Alias(); ok {
			got = "alias"
		} else if _, ok := s.Range(); ok {
			got = "range"
		}
		if got != want {
			t.Errorf("%q is a %s, want a %s", text, got, want)
		}
	}
	for _, bad := range []string{"Latest!", "1.4.0+x", "-", "v1.", "a..b", "^", "\x00"} {
		if s, err := ref.ParseSelector(bad); err == nil {
			t.Errorf("%q is read as %s", bad, s)
		}
	}
}

func TestWhatFollowsByItself(t *testing.T) {
	t.Parallel()
	for text, want := range map[ref.Alias]bool{
		"latest": true, "v1": true, "v1.4": true, "v10.20": true, "v01": false, "v1.4.0": false, "production": false, "v": false, "v1-x": false,
	} {
		if text.Derived() != want {
			t.Errorf("%s is derived: %v, want %v", text, text.Derived(), want)
		}
	}
	if got := version(t, "1.4.2").Aliases(); len(got) != 3 || got[0] != "latest" || got[1] != "v1" || got[2] != "v1.4" {
		t.Errorf("1.4.2 is followed by %v", got)
	}
	if got := version(t, "1.4.2-rc.1").Aliases(); got != nil {
		t.Errorf("a pre-release is followed by %v", got)
	}
}

func TestARangeLeavesOutPreReleases(t *testing.T) {
	t.Parallel()
	r, err := ref.ParseRange("^1.2")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"1.2.0": true, "1.9.9": true, "1.1.9": false, "2.0.0": false, "1.3.0-rc.1": false} {
		if r.Holds(version(t, text)) != want {
			t.Errorf("^1.2 holds %s: %v", text, !want)
		}
	}
}

func TestDigestsRoundTripThroughJSON(t *testing.T) {
	t.Parallel()
	want := ref.SumOf([]byte("x"))
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got ref.Digest
	if err := json.Unmarshal(text, &got); err != nil || got != want || len(got.String()) != 64 {
		t.Errorf("%s is read as %v, %v", text, got, err)
	}
	for _, bad := range []string{"x", want.String()[1:], strings.ToUpper(want.String()), want.String() + "00"} {
		_, err := ref.ParseDigest(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "digest")
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"acme/fraud", "acme/fraud@1.4.0", "acme/fraud@^1.2", "a/b@v1.4", "@", "a/b@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ref.ParseTarget(text)
		if err != nil {
			return
		}
		again, err := ref.ParseTarget(target.String())
		if err != nil || again.String() != target.String() {
			t.Errorf("%q is read as %s, and that as %s, %v", text, target, again, err)
		}
	})
}

func version(t *testing.T, text string) ref.Version {
	t.Helper()
	v, err := ref.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
