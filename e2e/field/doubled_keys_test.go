//go:build !cluster

package field

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/formatstest"
)

func TestExternalDataWithADoubledOrUnknownKeyIsRejected(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	for reason, entries := range map[string][]string{
		`the key "location" twice`: {"location", "model.onnx.data", "location", "other.data"},
		`has the key "basepath"`:   {"location", "model.onnx.data", "basepath", "/etc"},
		"not a file beside":        {"location", "../other/model.onnx.data"},
		"the model file itself":    {"location", "model.onnx"},
	} {
		graph := formatstest.Proto{}.Message(5, formatstest.External("w", []int64{2}, entries...)).
			Message(1, formatstest.Node("Identity", "y", "w")).Message(12, formatstest.Value("y", 1, 2))
		path := filepath.Join(t.TempDir(), "model.onnx")
		e2etest.Must(t, os.WriteFile(path, formatstest.Model(graph, t.Name()), 0o600))

		u.Maas("push", u.Of("twice")+"@1.0.0", path).Ends(1, "model.onnx was rejected: ", reason)
	}
}
