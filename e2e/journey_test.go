package e2e

import (
	"testing"

	"github.com/17882237881/MaaS/shared/openinferencetest"
)

func TestTheJourneyByTheCommand(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))
	digits := u.of("digits")

	u.maas("push", digits+"@1.0.0", data("digits.onnx")).ends(0, "verified")
	u.maas("publish", digits+"@1.0.0", "--changelog", "first").ends(0, "published", "latest")
	u.infers(digits, "digits")

	u.maas("push", digits+"@2.0.0", data("digits-v2.onnx")).ends(0, "verified")
	u.maas("publish", digits+"@2.0.0").ends(0, "latest", "v2")
	u.infers(digits, "digits-v2")
	u.infers(digits+"@1.0.0", "digits")
	u.infers(digits+"@^1", "digits")
	u.maas("diff", digits+"@1.0.0", digits+"@2.0.0").ends(0, "digits")

	u.maas("alias", "set", digits, "production", "1.0.0").ends(0, "1.0.0")
	u.infers(digits+"@production", "digits")
	u.maas("alias", "set", digits, "production", "2.0.0").ends(0, "2.0.0")
	u.infers(digits+"@production", "digits-v2")
	u.maas("alias", "rollback", digits, "production").ends(0, "1.0.0")
	u.infers(digits+"@production", "digits")
	u.maas("alias", "history", digits, "production").ends(0, "1.0.0", "2.0.0")

	u.maas("models").ends(0, digits, "2.0.0")
	u.maas("versions", digits).ends(0, "1.0.0", "2.0.0", "published")
	u.maas("whoami").ends(0, u.email, "owner", u.tenant)
	u.maas("status", "--cache").ends(0)
	u.maas("version").ends(0)
	u.maas("logout").ends(0)
	u.maas("models").ends(3)
}

func TestTheDemoTellsTheWholeJourney(t *testing.T) {
	t.Parallel()
	stranger := &user{T: t, home: t.TempDir(), more: []string{"MAAS_SERVER=" + server(t)}}

	stranger.maas("demo").ends(0, "push", "publish", "infer", "rollback")
	stranger.maas("whoami").ends(3) // it leaves no session behind
}

func TestPushingAgainSendsNothing(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))

	u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ends(0, "verified")
	u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ends(0, "already there")
}

func TestWhatIsPublishedDoesNotChange(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))
	u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ok()
	u.maas("publish", u.of("digits")+"@1.0.0").ok()

	u.maas("push", u.of("digits")+"@1.0.0", data("digits-v2.onnx")).ends(5, "published")
	u.infers(u.of("digits"), "digits")
}

func TestAKeyDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	owner := register(t, server(t))
	digits := owner.of("digits")
	owner.maas("push", digits+"@1.0.0", data("digits.onnx")).ok()
	owner.maas("publish", digits+"@1.0.0").ok()

	caller, viewer := owner.with("inference:execute"), owner.with("*:read")

	caller.infers(digits, "digits")
	caller.maas("models").ends(3)
	caller.maas("push", digits+"@1.1.0", data("digits-v2.onnx")).ends(3)
	viewer.maas("versions", digits).ends(0, "1.0.0")
	viewer.maas("publish", digits+"@1.0.0").ends(0) // it is published already: nothing to do
	viewer.maas("alias", "set", digits, "production", "1.0.0").ends(3)
	viewer.maas("infer", digits, "-f", data("digits-request.json")).ends(3)
}

func TestAnotherTenantsModelsAreNotThere(t *testing.T) {
	t.Parallel()
	owner, stranger := register(t, server(t)), register(t, server(t))
	digits := owner.of("digits")
	owner.maas("push", digits+"@1.0.0", data("digits.onnx")).ok()
	owner.maas("publish", digits+"@1.0.0").ok()

	stranger.maas("versions", digits).ends(4)
	stranger.maas("infer", digits, "-f", data("digits-request.json")).ends(4)
	stranger.maas("push", digits+"@1.1.0", data("digits.onnx")).ends(4)
	stranger.maas("alias", "set", digits, "production", "1.0.0").ends(4)
	stranger.maas("models").ends(0, "none")
}

// infers calls a model with the request of testdata and compares with the answer there.
func (u *user) infers(which, name string) {
	u.Helper()
	answer := u.maas("infer", which, "-f", data(name+"-request.json")).ok()
	openinferencetest.AssertClose(u.T, []byte(answer.stdout), content(u.T, name+"-expected.json"))
}

// with gives the user at another terminal, who has an API key alone.
func (u *user) with(scopes ...string) *user {
	u.Helper()
	arguments := []string{"keys", "create", "test", "--output", "json"}
	for _, scope := range scopes {
		arguments = append(arguments, "--scope", scope)
	}
	var key struct{ Secret string }
	u.maas(arguments...).ok().read(&key)
	return &user{T: u.T, tenant: u.tenant, email: u.email, more: append(u.more, "MAAS_API_KEY="+key.Secret), home: u.TempDir()}
}
