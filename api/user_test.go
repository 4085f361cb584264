package api

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestEmailsAreOneWhateverTheirCase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Email{
		"ana@example.com": "ana@example.com", "Ana.B+c@EXAMPLE.com": "ana.b+c@example.com", "a@xn--bcher-kva.example": "a@xn--bcher-kva.example",
	} {
		if got, err := ParseEmail(in); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestWhatIsNoEmailIsRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "ana", "@example.com", "ana@", "ana@localhost", "ana@example..com", "ana@-example.com", "a b@example.com", "ana@example.com\n",
		`"ana"@example.com`, "Ana <ana@example.com>", "ana@ex@mple.com", strings.Repeat("a", 65) + "@example.com",
		"a@" + strings.Repeat("a.", 130) + "com",
	} {
		_, err := ParseEmail(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "email")
	}
}

func TestUsernamesCannotBeTakenForEmails(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Username{"ana": "ana", "Ana.B-1_c": "ana.b-1_c", "a": "a"} {
		if got, err := ParseUsername(in); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "ana@example", ".ana", "ana-", "an a", "anä", strings.Repeat("a", 64)} {
		_, err := ParseUsername(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "username")
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"ana@example.com", "A@B.C", "@", "a@b", "\xff@example.com", "a@K.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, err := ParseEmail(s)
		if err != nil {
			return
		}
		if again, err := ParseEmail(string(email)); err != nil || again != email {
			t.Errorf("%q gives %q, and that %q, %v", s, email, again, err)
		}
		if len(email) > maxEmail || strings.Count(string(email), "@") != 1 || strings.HasPrefix(string(email), "@") {
			t.Errorf("%q is taken for an address", s)
		}
	})
}
