package formats_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

func skopsFile(t testing.TB, schema string) string {
	t.Helper()
	protocol := `, "protocol": 2}`
	if schema == "{}" {
		protocol = `"protocol": 2}`
	}
	return archiveOf(t, "schema.json", strings.TrimSuffix(schema, "}")+protocol)
}

func TestASkopsFileIsRead(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("model.skops", fixture(t, "scaler.skops"))
	if err != nil || m.Format != formats.Skops || m.Architecture != "StandardScaler" || m.Producer != "skops" || m.ProducerVersion != "0.16.0" ||
		len(m.Findings) > 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestUnknownTypesOfASkopsFileAreFound(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}`:                                                               `holds the type os.system`,
		`{"content": [{"__class__": "system", "__module__": "os", "__loader__": "TypeNode"}]}`:                                                    `holds the type os.system`,
		`{"__class__": "list", "__module__": "builtins", "__loader__": "OperatorFuncNode"}`:                                                       `loads builtins.list by OperatorFuncNode`,
		`{"__class__": "Pipeline", "__module__": "sklearn.pipeline", "__loader__": "MethodNode"}`:                                                 `loads sklearn.pipeline.Pipeline by MethodNode`,
		`{"__class__": "StandardScaler", "__module__": "sklearn.preprocessing._data", "__loader__": "ObjectNode"}`:                                "",
		`{"__class__": "list", "__module__": "builtins", "__loader__": "FunctionNode", "content": {"module_path": "os", "function": "system"}}`:   `holds the function os.system`,
		`{"__class__": "list", "__module__": "builtins", "__loader__": "FunctionNode", "content": {"module_path": "numpy", "function": "log1p"}}`: "",
		`{"content": [{"content": {"function": "system"}}]}`:                                                                                      `holds the function .system`,
		`{"__module__": "os", "__loader__": "ObjectNode"}`:                                                                                        `holds the type os.`,
	} {
		t.Run(schema, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(details(t, "model.skops", skopsFile(t, schema), formats.Skops), "; ")
			if strings.TrimPrefix(got, `"schema.json" `) != want {
				t.Errorf("found %s, want %s", got, want)
			}
		})
	}
}

func TestASkopsFileOfAnUnknownProtocolIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol string
		want     formats.Code
	}{
		{`, "protocol": 0`, ""},
		{`, "protocol": 1`, ""},
		{`, "protocol": 3`, formats.Malformed},
		{`, "protocol": -1`, formats.Malformed},
		{`, "protocol": 0.0`, formats.Malformed},
		{`, "protocol": false`, formats.Malformed},
		{`, "protocol": "0"`, formats.Malformed},
		{`, "protocol": null`, formats.Malformed},
		{`, "protocol": 2, "protocol": 0`, formats.Malformed},
		{"", formats.Malformed},
	} {
		schema := `{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [{"protocol": 2}]` + c.protocol + "}"
		if _, err := recogniseAs("model.skops", archiveOf(t, "schema.json", schema)); codeOf(err) != c.want {
			t.Errorf("%s: %v", c.protocol, err)
		}
	}
}
