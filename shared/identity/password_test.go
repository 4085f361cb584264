package identity

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestEasyPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	username := api.Username("marguerite")
	for _, password := range []string{
		"elevenchars", "password1234", "P@ssw0rd2024!", "Welcome12345!", "passwordpassword", "hunter2hunter2", // common, and in disguise
		"aaaaaaaaaaaa", "abcabcabcabc", "123456789012", "qwertyuiop12", "zyxwvutsrqponm", "1q2w3e4r5t6y", // typed without thinking
		"I am anabel and nobody else", "ANABEL@example.com", "hello marguerite!", // the user's own names
	} {
		p, err := api.ParsePassword(password)
		if err != nil {
			t.Fatal(err)
		}
		faulttest.AssertKind(t, judge(p, "password", "anabel@example.com", &username), fault.Invalid, "password")
	}
}

func TestOtherPasswordsAreTaken(t *testing.T) {
	t.Parallel()
	for _, password := range []string{
		"correct horse battery staple", "a-good-password-1", "banana-and-mango", "837465928374", "пароль из нескольких слов",
	} {
		p, err := api.ParsePassword(password)
		if err != nil {
			t.Fatal(err)
		}
		if err := judge(p, "password", "ana@example.com", nil); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestAPasswordIsBoundedAndText(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", strings.Repeat("ä", 129), "not UTF-8: \xff"} {
		_, err := api.ParsePassword(bad)
		faulttest.AssertKind(t, err, fault.Invalid, "password")
	}
	if _, err := api.ParsePassword(strings.Repeat("ä", 128)); err != nil {
		t.Error(err)
	}
}

func TestAPasswordIsTheSameFromEveryKeyboard(t *testing.T) {
	t.Parallel()
	composed, _ := api.ParsePassword("caf\u00e9")
	combining, _ := api.ParsePassword("cafe\u0301")
	if normal(composed) != normal(combining) {
		t.Error("é is not é")
	}
}

func TestAPasswordIsNeverPrinted(t *testing.T) {
	t.Parallel()
	in := api.LoginRequest{Password: "correct horse"}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if out := string(text) + fmt.Sprintf("%v %+v %s", in, in, in.Password); strings.Contains(out, "horse") {
		t.Error(out)
	}
}

func TestThePeriodOfAWordMakesTheWord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab1]{1,24}`).Draw(t, "word")
		unit := period(word)
		if !strings.HasPrefix(strings.Repeat(unit, len(word)), word) {
			t.Fatalf("the period of %q is %q", word, unit)
		}
	})
}

func TestAHashIsItsPasswordsAlone(t *testing.T) {
	t.Parallel()
	phc := hash("correct horse battery staple")
	for password, want := range map[api.Password]bool{"correct horse battery staple": true, "correct horse battery stable": false} {
		if got, err := matches(phc, password); err != nil || got != want {
			t.Errorf("it matches: %v, %v, want %v", got, err, want)
		}
	}
}

// TestNobodysHashCostsWhatOthersCost is why a sign-in takes as long for an unknown user as for a known one.
func TestNobodysHashCostsWhatOthersCost(t *testing.T) {
	t.Parallel()
	cost := fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$", hashMemory, hashTime, hashLanes)
	if !strings.HasPrefix(nobody, cost) {
		t.Errorf("nobody's hash is %s, others begin %s", nobody, cost)
	}
	if same, err := matches(nobody, "anything"); same || err != nil {
		t.Errorf("it matches: %v, %v", same, err)
	}
}

func TestADamagedHashIsAnErrorAndNoAnswer(t *testing.T) {
	t.Parallel()
	for _, phc := range []string{
		"", "plain", "$2a$10$abc", "$argon2id$v=19$m=65536,t=3,p=1$!$!", "$argon2id$v=19$m=x$a$b", "$argon2id$v=19$m=65536,t=0,p=1$AA$AA",
		"$argon2id$v=19$m=4294967295,t=3,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43),
	} {
		if same, err := matches(phc, "x"); same || err == nil {
			t.Errorf("%q is taken: %v, %v", phc, same, err)
		}
	}
}
