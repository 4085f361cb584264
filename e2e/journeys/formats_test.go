package journeys

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// lay writes files, by their paths, into a new folder.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for path, content := range files {
		name := filepath.Join(folder, filepath.FromSlash(path))
		e2etest.Must(t, os.MkdirAll(filepath.Dir(name), 0o700))
		e2etest.Must(t, os.WriteFile(name, []byte(content), 0o600))
	}
	return folder
}

// safetensors returns a file of one tensor.
func safetensors() string {
	header := `{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + "\x00\x00\x80\x3f"
}

func TestAFolderIsPushedAndItsKindIsKnown(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	folder := lay(t, map[string]string{
		"config.json": `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 128}`, "model.safetensors": safetensors(),
		"tokenizer.json": "{}", "notes/todo.tmp": "x", ".git/config": "x", ".maasignore": "**/*.tmp\n",
	})

	u.Maas("push", u.Of("bert")+"@1.0.0", folder).Ends(0, "config.json: verified", "model.safetensors: verified", "tokenizer.json: verified")

	u.Maas("publish", u.Of("bert")+"@1.0.0").Ends(1, "of the kind huggingface, which no runtime serves here")
	u.Maas("versions", u.Of("bert")).Ends(0, "1.0.0", "draft")
	e2etest.Must(t, os.Remove(filepath.Join(folder, "config.json")))
	u.Maas("push", u.Of("bert")+"@1.1.0", folder).OK()
	u.Maas("publish", u.Of("bert")+"@1.1.0").Ends(1, "of the kind safetensors")
}

func TestAPickleIsRefusedUntilThePolicyLetsItIn(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	folder := lay(t, map[string]string{"good.pkl": "\x80\x04}\x94.", "bad.pkl": "\x80\x04cos\nsystem\nX\x02\x00\x00\x00id\x85R."})
	good, bad := filepath.Join(folder, "good.pkl"), filepath.Join(folder, "bad.pkl")
	u.Maas("policy").Ends(0, "pickle\trefuse")
	u.Maas("push", u.Of("a")+"@1.0.0", good).Ends(1, "rejected", "pickle: refuse")

	u.Maas("policy", "set", "--pickle", "scan").Ends(0, "pickle\tscan", "code\trefuse")

	u.Maas("push", u.Of("a")+"@1.0.0", good).Ends(0, "verified")
	u.Maas("push", u.Of("a")+"@1.1.0", bad).Ends(1, "rejected", "imports os.system (byte 2)")
	u.Maas("publish", u.Of("a")+"@1.0.0").Ends(1, "of the kind sklearn")
	u.Maas("policy", "set", "--code", "scan").Ends(1, "cannot be scanned")
	u.Maas("policy", "set", "--pickle", "maybe").Ends(2, "refuse, scan or allow")
}
