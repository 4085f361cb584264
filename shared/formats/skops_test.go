package formats_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

func skopsFile(t testing.TB, schema string) string {
	t.Helper()
	return archiveOf(t, "schema.json", schema)
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
		`{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}`:                                `holds the type os.system`,
		`{"content": [{"__class__": "system", "__module__": "os", "__loader__": "TypeNode"}]}`:                     `holds the type os.system`,
		`{"__class__": "list", "__module__": "builtins", "__loader__": "OperatorFuncNode"}`:                        `loads builtins.list by OperatorFuncNode`,
		`{"__class__": "Pipeline", "__module__": "sklearn.pipeline", "__loader__": "MethodNode"}`:                  `loads sklearn.pipeline.Pipeline by MethodNode`,
		`{"__class__": "StandardScaler", "__module__": "sklearn.preprocessing._data", "__loader__": "ObjectNode"}`: "",
		`{"__module__": "os", "__loader__": "ObjectNode"}`:                                                         `holds the type os.`,
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
