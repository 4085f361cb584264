package podidentity_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/podidentity"
	"github.com/17882237881/MaaS/shared/podidentitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, vars map[string]string) *aws.CredentialsCache {
	t.Helper()
	role, err := podidentity.Open(env.New("test", vars, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return role
}

func TestTheRolesCredentialsAreKeptWhileTheyAreGood(t *testing.T) {
	t.Parallel()
	agent := podidentitytest.New(t)
	role := open(t, agent.Variables(map[string]string{}))

	for range 3 {
		got, err := role.Retrieve(t.Context())
		if err != nil || got.AccessKeyID != "id" || got.SecretAccessKey != "secret" || got.SessionToken != "session of one" {
			t.Errorf("the role has %q, %q, %v", got.AccessKeyID, got.SessionToken, err)
		}
	}
	if asked := agent.Asked.Load(); asked != 1 {
		t.Errorf("the agent was asked %d times", asked)
	}
}

func TestCredentialsThatEndWithinAnHourAreReplaced(t *testing.T) {
	t.Parallel()
	agent := podidentitytest.New(t)
	agent.Life = time.Hour
	role := open(t, agent.Variables(map[string]string{}))
	if _, err := role.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}

	agent.Know("two")

	if got, err := role.Retrieve(t.Context()); err != nil || got.SessionToken != "session of two" {
		t.Errorf("the role has %q, %v", got.SessionToken, err)
	}
}

func TestAProcessWithoutARoleHasNone(t *testing.T) {
	t.Parallel()
	if role := open(t, nil); role != nil {
		t.Errorf("the role is %v", role)
	}
}

func TestAnAgentThatGivesNothingIsAnOutage(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"it refuses":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "AccessDenied", http.StatusForbidden) },
		"it says nothing": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"it is none":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agent := podidentitytest.New(t)
			agent.Handler = answer
			_, err := open(t, agent.Variables(map[string]string{})).Retrieve(t.Context())
			faulttest.AssertKind(t, err, fault.Unavailable)
		})
	}
}
