package transfer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
)

func TestMissingSpansAreWhatIsNotStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 50).Draw(t, "count")
		stored := rapid.SliceOfDistinct(rapid.IntRange(0, count-1), rapid.ID).Draw(t, "stored")
		slices.Sort(stored)

		spans := missing(stored, count)

		there := slices.Clone(stored)
		for i, span := range spans {
			if span[0] > span[1] || i > 0 && span[0] <= spans[i-1][1]+1 {
				t.Fatalf("spans %v", spans)
			}
			for n := span[0]; n <= span[1]; n++ {
				there = append(there, n)
			}
		}
		slices.Sort(there)
		for n := range count {
			if len(there) != count || there[n] != n {
				t.Fatalf("stored %v and missing %v are not all of %d", stored, spans, count)
			}
		}
	})
}

func TestAPreferenceIsRead(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		seconds float64
		good    bool
	}{
		"":                       {0, true},
		"respond-async":          {0, true},
		"wait=10":                {10, true},
		"respond-async, WAIT=60": {60, true},
		`wait="5"; strict`:       {5, true},
		"wait=0":                 {0, false},
		"wait=61":                {0, false},
		"wait":                   {0, false},
		"wait=-1":                {0, false},
		"wait=1e1":               {0, false},
	}
	for text, want := range cases {
		var p api.Preference
		if err := p.UnmarshalText([]byte(text)); (err == nil) != want.good || p.Wait.Seconds() != want.seconds {
			t.Errorf("%q: %s (%v)", text, p.Wait, err)
		}
	}
}

func FuzzContentDigest(f *testing.F) {
	for _, seed := range []string{
		"", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", "sha-512=:AA==:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:;a=1",
		"sha-256=:", "sha-256=", "sha-256=:AA==:", ",,,", "sha-256",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		digest, err := parseContentDigest(field)
		if err != nil || digest.IsZero() {
			return
		}
		again, err := parseContentDigest("sha-256=:" + digest.Base64() + ":")
		if err != nil || again != digest {
			t.Errorf("%q is read as %s, and that as %s (%v)", field, digest, again, err)
		}
	})
}
