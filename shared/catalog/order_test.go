package catalog

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/ref"
)

// versions draws versions whose parts often are equal, so that each rule of precedence decides some comparison.
func versions() *rapid.Generator[ref.Version] {
	number := rapid.SampledFrom([]string{"0", "1", "2", "9", "10", "11", "2147483647"})
	identifier := rapid.OneOf(
		number,
		rapid.SampledFrom([]string{"alpha", "alpha-1", "alphabet", "beta", "rc", "Rc", "-", "--", "0a", "1a", "a1", "x-y-z"}),
		rapid.StringMatching(`[1-9][0-9]{0,17}`),
		rapid.StringMatching(`[0-9A-Za-z-]{0,5}[A-Za-z-]`),
	)
	return rapid.Custom(func(t *rapid.T) ref.Version {
		text := number.Draw(t, "major") + "." + number.Draw(t, "minor") + "." + number.Draw(t, "patch")
		if parts := rapid.SliceOfN(identifier, 0, 4).Draw(t, "pre-release"); len(parts) > 0 {
			text += "-" + strings.Join(parts, ".")
		}
		v, err := ref.ParseVersion(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	})
}

func TestTheRowsOrderIsSemVers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, w := versions().Draw(t, "v"), versions().Draw(t, "w")
		if got, want := compareRows(v, w), v.Compare(w); got != want {
			t.Errorf("%s and %s: the rows compare as %d, the versions as %d", v, w, got, want)
		}
	})
}

// compareRows compares as Postgres does: (major, minor, patch, prerelease collate "C").
func compareRows(v, w ref.Version) int {
	vMajor, vMinor, vPatch, vPre := place(v)
	wMajor, wMinor, wPatch, wPre := place(w)
	return cmp.Or(cmp.Compare(vMajor, wMajor), cmp.Compare(vMinor, wMinor), cmp.Compare(vPatch, wPatch), strings.Compare(vPre, wPre))
}

// The example of the specification: SemVer 2.0.0, 11.4.
func TestPrecedenceOfTheSpecificationsExample(t *testing.T) {
	t.Parallel()
	order := []string{"alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1", ""}
	for i := 1; i < len(order); i++ {
		if lower, higher := precedence(order[i-1]), precedence(order[i]); lower >= higher {
			t.Errorf("%q (%s) is not below %q (%s)", order[i-1], lower, order[i], higher)
		}
	}
}

func TestARangeSelectsTheHighestThatItHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(versions(), 0, 20).Draw(t, "versions")
		wanted, err := ref.ParseRange(rapid.SampledFrom([]string{"^1.2", "~1.1", "1.x", ">=2.0.0-0", "*", "0.x || 2.x", ">1 <10"}).Draw(t, "range"))
		if err != nil {
			t.Fatal(err)
		}
		sortDescending(all)
		got, found := first(all, wanted)
		for _, v := range all {
			if wanted.Holds(v) && (!found || got.Compare(v) < 0) {
				t.Errorf("%s selects %v (%v), and not %s", wanted, got, found, v)
			}
		}
		if found && !wanted.Holds(got) {
			t.Errorf("%s selects %s, which it does not hold", wanted, got)
		}
	})
}

func sortDescending(all []ref.Version) {
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			if compareRows(all[i], all[j]) < 0 {
				all[i], all[j] = all[j], all[i]
			}
		}
	}
}
