package catalog_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalogtest"
)

// life is the model of one line of versions that a test drives: what each is, as an observer would note it down.
type life struct {
	status map[string]api.VersionStatus
}

// follows returns what a derived alias of the family should lead to, by the definition alone: the highest published release of it that was ready, else
// the highest deprecated one.
func (l life) follows(alias ref.Alias) string {
	for _, status := range []api.VersionStatus{api.VersionPublished, api.VersionDeprecated} {
		var highest ref.Version
		for text, is := range l.status {
			v := catalogtest.Version(text)
			if is == status && slices.Contains(v.Aliases(), alias) && (highest.IsZero() || highest.Compare(v) < 0) {
				highest = v
			}
		}
		if !highest.IsZero() {
			return highest.String()
		}
	}
	return ""
}

// After any sequence of acts: derived aliases are what the published and ready versions imply.
func TestDerivedAliasesAreAlwaysWhatIsImplied(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	names := rapid.SampledFrom([]string{"1.0.0", "1.0.1", "1.1.0", "1.1.0-rc.1", "2.0.0-rc.1", "2.0.0", "2.1.0"})
	lines := 0
	rapid.Check(t, func(r *rapid.T) {
		lines++
		if lines > 12 { // each check is some hundred transactions; what a hundred would find, a dozen a run finds soon
			return
		}
		m := w.Model(ref.Name("line-" + string(rune('a'+lines))))
		l := life{status: map[string]api.VersionStatus{}}
		for range rapid.IntRange(1, 12).Draw(r, "acts") {
			act(t, r, w, m, l, names.Draw(r, "version"))
			for _, alias := range []ref.Alias{"latest", "v1", "v1.0", "v1.1", "v2", "v2.0", "v2.1"} {
				if got, want := w.Alias(m, string(alias)), l.follows(alias); got != want {
					r.Fatalf("%s leads to %q, want %q: %v", alias, got, want, l.status)
				}
			}
		}
	})
}

// act does one thing to a version: the next in its life, or one that is to be refused.
func act(t *testing.T, r *rapid.T, w *catalogtest.World, m ref.Model, l life, version string) {
	t.Helper()
	v := catalogtest.Version(version)
	if _, ok := l.status[version]; !ok {
		w.Ready(m, version)
		l.status[version] = api.VersionPublished
		return
	}
	if rapid.Bool().Draw(r, "retire") {
		_, err := w.Catalog.Retire(t.Context(), w.Owner, api.RetireRequest{Model: m, Version: v})
		if l.status[version] == api.VersionRetired != fault.Is(err, fault.Gone) {
			r.Fatalf("retired twice: %v", err)
		}
		l.status[version] = api.VersionRetired
		return
	}
	_, err := w.Catalog.Deprecate(t.Context(), w.Owner, api.DeprecateRequest{Model: m, Version: v, Reason: "old", Sunset: catalogtest.Soon()})
	switch {
	case l.status[version] == api.VersionRetired && fault.Is(err, fault.Gone):
	case err != nil:
		r.Fatal(err)
	default:
		l.status[version] = api.VersionDeprecated
	}
}
