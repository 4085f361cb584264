package journeys

import (
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

func TestTheJourneyByTheCommand(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	digits := u.Of("digits")

	u.Maas("push", digits+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	u.Maas("publish", digits+"@1.0.0", "--changelog", "first").Ends(0, "published", "latest")
	u.Infers(digits, "digits")

	u.Maas("push", digits+"@2.0.0", e2etest.Data("digits-v2.onnx")).Ends(0, "verified")
	u.Maas("publish", digits+"@2.0.0").Ends(0, "latest", "v2")
	u.Infers(digits, "digits-v2")
	u.Infers(digits+"@1.0.0", "digits")
	u.Infers(digits+"@^1", "digits")
	u.Maas("diff", digits+"@1.0.0", digits+"@2.0.0").Ends(0, "digits")

	u.Maas("alias", "set", digits, "production", "1.0.0").Ends(0, "1.0.0")
	u.Infers(digits+"@production", "digits")
	u.Maas("alias", "set", digits, "production", "2.0.0").Ends(0, "2.0.0")
	u.Infers(digits+"@production", "digits-v2")
	u.Maas("alias", "rollback", digits, "production").Ends(0, "1.0.0")
	u.Infers(digits+"@production", "digits")
	u.Maas("alias", "history", digits, "production").Ends(0, "1.0.0", "2.0.0")

	u.Maas("models").Ends(0, digits, "2.0.0")
	u.Maas("versions", digits).Ends(0, "1.0.0", "2.0.0", "published")
	u.Maas("whoami").Ends(0, u.Email, "owner", u.Tenant)
	u.Maas("status", "--cache").Ends(0)
	u.Maas("version").Ends(0)
	u.Maas("logout").Ends(0)
	u.Maas("models").Ends(3)
}

func TestATenantWithAReservedNameIsNotRegistered(t *testing.T) {
	t.Parallel()
	stranger := e2etest.Stranger(t, the.Server)

	stranger.Typed(e2etest.Password, "register", "--email", stranger.Email, "--tenant", "v2", "--password-stdin").Ends(1, "reserved", "tenant")
	stranger.Maas("whoami").Ends(3)
}

func TestTheDemoTellsTheWholeJourney(t *testing.T) {
	t.Parallel()
	stranger := e2etest.Stranger(t, the.Server)

	stranger.Maas("demo").Ends(0, "push", "publish", "infer", "rollback")
	stranger.Maas("whoami").Ends(3) // it leaves no session behind
}

func TestPushingAgainSendsNothing(t *testing.T) {
	t.Parallel()
	u := the.Register(t)

	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "already there")
}

func TestWhatIsPublishedDoesNotChange(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).OK()
	u.Maas("publish", u.Of("digits")+"@1.0.0").OK()

	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits-v2.onnx")).Ends(5, "published")
	u.Infers(u.Of("digits"), "digits")
}

func TestAKeyDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	owner := the.Register(t)
	digits := owner.Of("digits")
	owner.Maas("push", digits+"@1.0.0", e2etest.Data("digits.onnx")).OK()
	owner.Maas("publish", digits+"@1.0.0").OK()

	caller, viewer := owner.With("inference:execute"), owner.With("*:read")

	caller.Infers(digits, "digits")
	caller.Maas("models").Ends(3)
	caller.Maas("push", digits+"@1.1.0", e2etest.Data("digits-v2.onnx")).Ends(3)
	viewer.Maas("versions", digits).Ends(0, "1.0.0")
	viewer.Maas("publish", digits+"@1.0.0").Ends(0) // it is published already: nothing to do
	viewer.Maas("alias", "set", digits, "production", "1.0.0").Ends(3)
	viewer.Maas("infer", digits, "-f", e2etest.Data("digits-request.json")).Ends(3)
}

func TestAnotherTenantsModelsAreNotThere(t *testing.T) {
	t.Parallel()
	owner, stranger := the.Register(t), the.Register(t)
	digits := owner.Of("digits")
	owner.Maas("push", digits+"@1.0.0", e2etest.Data("digits.onnx")).OK()
	owner.Maas("publish", digits+"@1.0.0").OK()

	stranger.Maas("versions", digits).Ends(4)
	stranger.Maas("infer", digits, "-f", e2etest.Data("digits-request.json")).Ends(4)
	stranger.Maas("push", digits+"@1.1.0", e2etest.Data("digits.onnx")).Ends(4)
	stranger.Maas("alias", "set", digits, "production", "1.0.0").Ends(4)
	stranger.Maas("models").Ends(0, "none")
}
