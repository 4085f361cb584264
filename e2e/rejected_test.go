package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFileThatIsNotWhatItSaysIsRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	digits := content(t, "digits.onnx")
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
			u := register(t, server(t))
			path := filepath.Join(t.TempDir(), "model.onnx")
			must(t, os.WriteFile(path, file.bytes, 0o600))

			u.maas("push", u.of("digits")+"@1.0.0", path).ends(1, "rejected", file.reason)
			u.maas("publish", u.of("digits")+"@1.0.0").ends(4)
			u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ends(0, "verified")
		})
	}
}

func TestWhatTheCommandCannotDoItSays(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))
	for _, c := range []struct {
		status    int
		says      string
		arguments []string
	}{
		{2, "arg", []string{"push"}},
		{2, "version", []string{"push", u.of("digits"), data("digits.onnx")}},
		{1, "no such file", []string{"push", u.of("digits") + "@1.0.0", "not-there.onnx"}},
		{2, "unknown flag", []string{"models", "--nonsense"}},
		{4, "model", []string{"versions", u.of("none")}},
		{4, "model", []string{"infer", u.of("none"), "-f", data("digits-request.json")}},
	} {
		u.maas(c.arguments...).ends(c.status, c.says)
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	u := &user{T: t, home: t.TempDir(), more: []string{"MAAS_SERVER=http://127.0.0.1:1", "MAAS_TOKEN=x"}}

	u.maas("models").ends(6, "cannot be reached")
}

func TestARequestThatDoesNotFitNamesTheTensor(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))
	u.maas("push", u.of("digits")+"@1.0.0", data("digits.onnx")).ok()
	u.maas("publish", u.of("digits")+"@1.0.0").ok()
	path := filepath.Join(t.TempDir(), "request.json")
	must(t, os.WriteFile(path, []byte(`{"inputs":[{"name":"inptu","shape":[1,64],"datatype":"FP32","data":[1]}]}`), 0o600))

	u.maas("infer", u.of("digits"), "-f", path).ends(1, "inptu")
}

func TestACallThatTakesLongerThanItMayEnds(t *testing.T) {
	t.Parallel()
	u := register(t, server(t))
	u.maas("push", u.of("slow")+"@1.0.0", data("slow.onnx")).ok()
	u.maas("publish", u.of("slow")+"@1.0.0").ok()
	path := filepath.Join(t.TempDir(), "request.json")
	must(t, os.WriteFile(path, slowRequest(100_000), 0o600)) // a minute and more

	u.maas("infer", u.of("slow"), "-f", path, "--timeout", "1s").ends(6)
}
