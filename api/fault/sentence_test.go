package fault_test

import (
	"testing"

	"github.com/17882237881/MaaS/api/fault"
)

func TestADetailIsToldAsASentenceWithItsSubject(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ field, detail, want string }{
		{"description", "has more than 4,096 characters", "description has more than 4,096 characters."},
		{"traffic[0].weight", "must be a number", "traffic[0].weight must be a number."},
		{"from", "from is before to", "from is before to."},
		{"version", "a version is a semantic version", "A version is a semantic version."},
		{"", "is nobody's", "Is nobody's."},
		{"", "acme/fraud@1.0.0 is still starting", "acme/fraud@1.0.0 is still starting."},
		{"missing", "0-3", "0-3"},
		{"name", "The name is taken.", "The name is taken."},
		{"name", "", ""},
	} {
		if got := fault.Sentence(test.field, test.detail); got != test.want {
			t.Errorf("%s: %q is told as %q, want %q", test.field, test.detail, got, test.want)
		}
	}
}

func TestAnErrorIsToldInSentences(t *testing.T) {
	t.Parallel()
	message, fields := fault.New(fault.Invalid, "has more than 64 keys", fault.Field("metadata")).Told()
	const want = "metadata has more than 64 keys."
	if message != want || len(fields) != 1 || fields[0] != (fault.FieldError{Field: "metadata", Detail: want}) {
		t.Errorf("it is told as %q, %v", message, fields)
	}
}

func TestCountsAreWrittenInGroups(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 16384: "16,384", 1 << 20: "1,048,576", -1000: "-1,000", -100: "-100"} {
		if got := fault.Count(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
