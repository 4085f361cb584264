package commands

import (
	"testing"
	"time"
)

func TestOnlyOneVersionIsPushedTo(t *testing.T) {
	t.Parallel()
	which, err := exact("acme/fraud@1.4.0-rc.1")
	if err != nil || which.String() != "acme/fraud@1.4.0-rc.1" {
		t.Errorf("%v, %v", which, err)
	}
	for _, argument := range []string{"", "acme", "acme/fraud", "acme/fraud@latest", "acme/fraud@^1", "Acme/fraud@1.0.0", "acme/fraud@1.0", "a/../b@1.0.0"} {
		if _, err := exact(argument); Status(err) != statusUsage {
			t.Errorf("%q: %v", argument, err)
		}
	}
}

func TestAnAliasIsNamedInTwoWays(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"acme/fraud@production", "1.0.0"}, {"acme/fraud", "production", "1.0.0"}} {
		m, a, rest, err := named(arguments)
		if err != nil || m.String() != "acme/fraud" || a != "production" || len(rest) != 1 || rest[0] != "1.0.0" {
			t.Errorf("%v: %v, %v, %v, %v", arguments, m, a, rest, err)
		}
	}
	for _, arguments := range [][]string{{"acme/fraud"}, {"acme", "production"}, {"acme/fraud", "1.x"}, {"acme/fraud@", "x"}} {
		if _, _, _, err := named(arguments); Status(err) != statusUsage {
			t.Errorf("%v: %v", arguments, err)
		}
	}
}

func TestAnAliasLeadsToOneVersionOrToShares(t *testing.T) {
	t.Parallel()
	one, traffic, err := destination([]string{"1.4.0"})
	if err != nil || one == nil || traffic != nil {
		t.Errorf("%v, %v, %v", one, traffic, err)
	}
	none, several, err := destination([]string{"1.4.0=90", "1.5.0=10"})
	if err != nil || none != nil || len(several) != 2 {
		t.Errorf("%v, %v, %v", none, several, err)
	}
	for _, arguments := range [][]string{{}, {"latest"}, {"1.4.0=90"}, {"1.4.0=x", "1.5.0=10"}, {"1.4.0", "1.5.0"}, {"1.4.0=101", "1.5.0=-1"}} {
		if _, _, err := destination(arguments); err == nil {
			t.Errorf("%v is taken", arguments)
		}
	}
}

func TestATimeIsWrittenInSeveralWays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 5, time.UTC)
	for text, want := range map[string]string{
		"90d": "2027-02-19T10:00:00Z", "12h": "2026-11-21T22:00:00Z", "2027-01-31": "2027-01-31T00:00:00Z",
		"2027-01-31T12:00:00+02:00": "2027-01-31T10:00:00Z",
	} {
		got, err := moment(text, now)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "soon", "31.1.2027"} {
		if _, err := moment(text, now); Status(err) != statusUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}
