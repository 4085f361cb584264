package journeys

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
)

func TestAFileThatIsNotWhatItSaysIsRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	digits := e2etest.Content(t, "digits.onnx")
	for name, file := range map[string]struct {
		bytes  []byte
		reason string
	}{
		"text":      {[]byte("This is no model, whatever its name says.\n"), "model.onnx was rejected: "},
		"truncated": {digits[:len(digits)/2], "truncated"},
		"pickle":    {[]byte("\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."), "pickle"},
		"zip":       {[]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), "model.onnx was rejected: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := the.Register(t)
			path := filepath.Join(t.TempDir(), "model.onnx")
			e2etest.Must(t, os.WriteFile(path, file.bytes, 0o600))

			u.Maas("push", u.Of("digits")+"@1.0.0", path).Ends(1, "rejected", file.reason)
			u.Maas("publish", u.Of("digits")+"@1.0.0").Ends(4)
			u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
		})
	}
}

func TestWhatTheCommandCannotDoItSays(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	for _, c := range []struct {
		status    int
		says      string
		arguments []string
	}{
		{2, "arg", []string{"push"}},
		{2, "version", []string{"push", u.Of("digits"), e2etest.Data("digits.onnx")}},
		{2, "There is no file", []string{"push", u.Of("digits") + "@1.0.0", "not-there.onnx"}},
		{2, "unknown flag", []string{"models", "--nonsense"}},
		{4, "model", []string{"versions", u.Of("none")}},
		{4, "model", []string{"infer", u.Of("none"), "-f", e2etest.Data("digits-request.json")}},
	} {
		u.Maas(c.arguments...).Ends(c.status, c.says)
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	u := e2etest.Stranger(t, "http://127.0.0.1:1").Holding("maas_none")

	u.Maas("models").Ends(6, "cannot be reached")
}

func TestARequestThatDoesNotFitNamesTheTensor(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).OK()
	u.Maas("publish", u.Of("digits")+"@1.0.0").OK()
	path := filepath.Join(t.TempDir(), "request.json")
	e2etest.Must(t, os.WriteFile(path, []byte(`{"inputs":[{"name":"inptu","shape":[1,64],"datatype":"FP32","data":[1]}]}`), 0o600))

	u.Maas("infer", u.Of("digits"), "-f", path).Ends(1, "inptu")
	assertKinds(t, u)
}

func TestACallThatTakesLongerThanItMayEnds(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Maas("push", u.Of("slow")+"@1.0.0", e2etest.Data("slow.onnx")).OK()
	u.Maas("publish", u.Of("slow")+"@1.0.0").OK()
	path := filepath.Join(t.TempDir(), "request.json")
	e2etest.Must(t, os.WriteFile(path, e2etest.SlowRequest(100_000), 0o600)) // a minute and more

	u.Maas("infer", u.Of("slow"), "-f", path, "--timeout", "1s").Ends(6)
	infersSlowly(u.Of("slow")).assertKind(t, fault.Timeout, "authorization", "Bearer "+u.Key("inference:execute"), "x-request-timeout", "1000")
}
